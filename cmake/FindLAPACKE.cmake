# Finds LAPACKE, the C interface of LAPACK: a header lapacke.h and a library that really has its functions.
#
# First choice is what pkg-config calls `lapacke`; then a library of that name; then the CBLAS that was found, since some builds of OpenBLAS
# have everything in one library. LAPACKE_LIBRARIES and LAPACKE_INCLUDE_DIRS may be given: see CInterface.cmake.
#
# Gives LAPACKE_FOUND, LAPACKE_INCLUDE_DIRS, the target LAPACKE::LAPACKE and, for libgan.pc: LAPACKE_PC_REQUIRES (a pkg-config package that is
# right for static linking too), else LAPACKE_PC_LIBS (linker flags).

include("${CMAKE_CURRENT_LIST_DIR}/CInterface.cmake")
include(FindPackageHandleStandardArgs)

set(_LAPACKE_TEST "
    #include <lapacke.h>
    int main(void) {
        double a = 1, tau = 0, work = 0;
        return (int)LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, 1, 1, &a, 1, &tau, &work, 1) +
               (int)LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, 1, 1, 1, &a, 1, &tau, &work, 1);
    }")

_c_interface_given(LAPACKE)
if(NOT DEFINED LAPACKE_LIBRARIES)
    _c_interface_package(LAPACKE lapacke)
endif()
if(NOT DEFINED LAPACKE_LIBRARIES)
    find_path(LAPACKE_LAPACKE_H lapacke.h PATH_SUFFIXES flexiblas openblas lapacke)
    find_library(LAPACKE_LIBRARY lapacke)
    mark_as_advanced(LAPACKE_LAPACKE_H LAPACKE_LIBRARY)
    if(LAPACKE_LAPACKE_H AND LAPACKE_LIBRARY)
        _c_interface_try(LAPACKE _LAPACKE_PLAIN "${LAPACKE_LAPACKE_H}" "${LAPACKE_LIBRARY}")
        if(_LAPACKE_PLAIN)
            _c_interface_take(LAPACKE "${LAPACKE_LAPACKE_H}" "${LAPACKE_LIBRARY}" "" -llapacke)
        endif()
    endif()
    if(NOT DEFINED LAPACKE_LIBRARIES AND LAPACKE_LAPACKE_H AND CBLAS_FOUND)
        _c_interface_try(LAPACKE _LAPACKE_IN_CBLAS "${LAPACKE_LAPACKE_H}" "${CBLAS_LIBRARIES}")
        if(_LAPACKE_IN_CBLAS)
            _c_interface_take(LAPACKE "${LAPACKE_LAPACKE_H}" "${CBLAS_LIBRARIES}" "${CBLAS_PC_REQUIRES}" "${CBLAS_PC_LIBS}")
        endif()
    endif()
endif()
_c_interface_finish(LAPACKE)
