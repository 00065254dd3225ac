# Finds a CBLAS: a header cblas.h and a library that really has its functions.
#
# CBLAS has no portable name. First choice is what pkg-config calls `blas`: on Debian and its relatives that is the interface all
# implementations share (libblas.so.3), so that the administrator's choice stays switchable; Fedora's such interface is FlexiBLAS. Then the libraries
# under their own names. CBLAS_LIBRARIES and CBLAS_INCLUDE_DIRS may be given: see CInterface.cmake.
#
# Gives CBLAS_FOUND, CBLAS_INCLUDE_DIRS, the target CBLAS::CBLAS and, for libgan.pc: CBLAS_PC_REQUIRES (a pkg-config package that is right
# for static linking too), else CBLAS_PC_LIBS (linker flags).

include("${CMAKE_CURRENT_LIST_DIR}/CInterface.cmake")
include(FindPackageHandleStandardArgs)

set(_CBLAS_TEST "
    #include <cblas.h>
    int main(void) {
        float a = 1, b = 1, c = 0;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1, &a, 1, &b, 1, 0, &c, 1);
        return 0;
    }")
set(_cblas_names blas flexiblas cblas openblas blis)

_c_interface_given(CBLAS)
foreach(_cblas_name IN LISTS _cblas_names)
    if(NOT DEFINED CBLAS_LIBRARIES)
        _c_interface_package(CBLAS ${_cblas_name})
    endif()
endforeach()
if(NOT DEFINED CBLAS_LIBRARIES)
    find_path(CBLAS_CBLAS_H cblas.h PATH_SUFFIXES flexiblas openblas blis cblas)
    mark_as_advanced(CBLAS_CBLAS_H)
    if(CBLAS_CBLAS_H)
        foreach(_cblas_name IN LISTS _cblas_names)
            find_library(CBLAS_LIBRARY_${_cblas_name} ${_cblas_name})
            mark_as_advanced(CBLAS_LIBRARY_${_cblas_name})
            if(NOT CBLAS_LIBRARY_${_cblas_name})
                continue()
            endif()
            _c_interface_try(CBLAS _CBLAS_PLAIN_${_cblas_name} "${CBLAS_CBLAS_H}" "${CBLAS_LIBRARY_${_cblas_name}}")
            if(_CBLAS_PLAIN_${_cblas_name})
                _c_interface_take(CBLAS "${CBLAS_CBLAS_H}" "${CBLAS_LIBRARY_${_cblas_name}}" "" -l${_cblas_name})
                break()
            endif()
        endforeach()
    endif()
endif()
_c_interface_finish(CBLAS)
