# Finds LAPACKE, the C interface of LAPACK: a header lapacke.h and a library that really has its functions.
#
# First choice is what pkg-config calls `lapacke`; then a library of that name; then the CBLAS that was found, since some builds of OpenBLAS
# have everything in one library.
#
# Gives LAPACKE_FOUND, LAPACKE_INCLUDE_DIRS, the target LAPACKE::LAPACKE and, for libgan.pc: LAPACKE_PC_REQUIRES (a pkg-config package that is
# right for static linking too), else LAPACKE_PC_LIBS (linker flags).

if(CMAKE_C_COMPILER_LOADED)
    include(CheckCSourceCompiles)
else()
    include(CheckCXXSourceCompiles)
endif()
include(CMakePushCheckState)

set(_lapacke_test "
    #include <lapacke.h>
    int main(void) {
        double a = 1, tau = 0, work = 0;
        return (int)LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, 1, 1, &a, 1, &tau, &work, 1) +
               (int)LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, 1, 1, 1, &a, 1, &tau, &work, 1);
    }")

# Does a program link with these include folders and libraries?
function(_lapacke_try result includes libraries)
    cmake_push_check_state(RESET)
    set(CMAKE_REQUIRED_QUIET ON)
    set(CMAKE_REQUIRED_INCLUDES ${includes})
    set(CMAKE_REQUIRED_LIBRARIES ${libraries})
    if(CMAKE_C_COMPILER_LOADED)
        check_c_source_compiles("${_lapacke_test}" ${result})
    else()
        check_cxx_source_compiles("${_lapacke_test}" ${result})
    endif()
    cmake_pop_check_state()
endfunction()

# Found: these go to the cache.
macro(_lapacke_take includes libraries requires libs)
    set(LAPACKE_LIBRARIES "${libraries}" CACHE STRING "Libraries with the LAPACKE functions")
    set(LAPACKE_INCLUDE_DIRS "${includes}" CACHE STRING "Folders of lapacke.h")
    set(LAPACKE_PC_REQUIRES "${requires}" CACHE INTERNAL "")
    set(LAPACKE_PC_LIBS "${libs}" CACHE INTERNAL "")
endmacro()

if(NOT DEFINED LAPACKE_LIBRARIES)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(_LAPACKE_PC QUIET lapacke)
    endif()
    if(_LAPACKE_PC_FOUND)
        _lapacke_try(_LAPACKE_LINKS "${_LAPACKE_PC_INCLUDE_DIRS}" "${_LAPACKE_PC_LDFLAGS}")
        if(_LAPACKE_LINKS)
            # Some packages name static dependencies that are not installed: then libgan.pc gives the plain flags.
            _lapacke_try(_LAPACKE_STATIC_LINKS "${_LAPACKE_PC_INCLUDE_DIRS}" "${_LAPACKE_PC_STATIC_LDFLAGS}")
            if(_LAPACKE_STATIC_LINKS)
                _lapacke_take("${_LAPACKE_PC_INCLUDE_DIRS}" "${_LAPACKE_PC_LDFLAGS}" lapacke "")
            else()
                _lapacke_take("${_LAPACKE_PC_INCLUDE_DIRS}" "${_LAPACKE_PC_LDFLAGS}" "" "${_LAPACKE_PC_LDFLAGS}")
            endif()
        endif()
    endif()
endif()

if(NOT DEFINED LAPACKE_LIBRARIES)
    find_path(LAPACKE_LAPACKE_H lapacke.h PATH_SUFFIXES openblas lapacke)
    find_library(LAPACKE_LIBRARY lapacke)
    mark_as_advanced(LAPACKE_LAPACKE_H LAPACKE_LIBRARY)
    if(LAPACKE_LAPACKE_H AND LAPACKE_LIBRARY)
        _lapacke_try(_LAPACKE_PLAIN "${LAPACKE_LAPACKE_H}" "${LAPACKE_LIBRARY}")
        if(_LAPACKE_PLAIN)
            _lapacke_take("${LAPACKE_LAPACKE_H}" "${LAPACKE_LIBRARY}" "" -llapacke)
        endif()
    endif()
    if(NOT DEFINED LAPACKE_LIBRARIES AND LAPACKE_LAPACKE_H AND CBLAS_FOUND)
        _lapacke_try(_LAPACKE_IN_CBLAS "${LAPACKE_LAPACKE_H}" "${CBLAS_LIBRARIES}")
        if(_LAPACKE_IN_CBLAS)
            _lapacke_take("${LAPACKE_LAPACKE_H}" "${CBLAS_LIBRARIES}" "${CBLAS_PC_REQUIRES}" "${CBLAS_PC_LIBS}")
        endif()
    endif()
endif()
mark_as_advanced(LAPACKE_LIBRARIES LAPACKE_INCLUDE_DIRS)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LAPACKE REQUIRED_VARS LAPACKE_LIBRARIES)

if(LAPACKE_FOUND AND NOT TARGET LAPACKE::LAPACKE)
    add_library(LAPACKE::LAPACKE INTERFACE IMPORTED)
    set_target_properties(LAPACKE::LAPACKE PROPERTIES INTERFACE_LINK_LIBRARIES "${LAPACKE_LIBRARIES}")
endif()
