# Finds a CBLAS: a header cblas.h and a library that really has its functions.
#
# CBLAS has no portable name. First choice is what pkg-config calls `blas`: on Debian and its relatives that is the interface all
# implementations share (libblas.so.3), so that the administrator's choice stays switchable. Then the libraries under their own names.
#
# Gives CBLAS_FOUND, CBLAS_INCLUDE_DIRS, the target CBLAS::CBLAS and, for libgan.pc: CBLAS_PC_REQUIRES (a pkg-config package that is right
# for static linking too), else CBLAS_PC_LIBS (linker flags).

if(CMAKE_C_COMPILER_LOADED)
    include(CheckCSourceCompiles)
else()
    include(CheckCXXSourceCompiles)
endif()
include(CMakePushCheckState)

set(_cblas_test "
    #include <cblas.h>
    int main(void) {
        float a = 1, b = 1, c = 0;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1, &a, 1, &b, 1, 0, &c, 1);
        return 0;
    }")

# Does a program link with these include folders and libraries?
function(_cblas_try result includes libraries)
    cmake_push_check_state(RESET)
    set(CMAKE_REQUIRED_QUIET ON)
    set(CMAKE_REQUIRED_INCLUDES ${includes})
    set(CMAKE_REQUIRED_LIBRARIES ${libraries})
    if(CMAKE_C_COMPILER_LOADED)
        check_c_source_compiles("${_cblas_test}" ${result})
    else()
        check_cxx_source_compiles("${_cblas_test}" ${result})
    endif()
    cmake_pop_check_state()
endfunction()

if(NOT DEFINED CBLAS_LIBRARIES)
    find_package(PkgConfig QUIET)
    foreach(_cblas_name blas cblas openblas blis)
        if(NOT PKG_CONFIG_FOUND)
            break()
        endif()
        pkg_check_modules(_CBLAS_PC_${_cblas_name} QUIET ${_cblas_name})
        if(_CBLAS_PC_${_cblas_name}_FOUND)
            set(_cblas_includes ${_CBLAS_PC_${_cblas_name}_INCLUDE_DIRS})
            # As flags, not as paths of files: CMake would write those paths' folders into programs, and the administrator's choice of
            # implementation would no longer count.
            set(_cblas_flags ${_CBLAS_PC_${_cblas_name}_LDFLAGS})
            _cblas_try(_CBLAS_LINKS_${_cblas_name} "${_cblas_includes}" "${_cblas_flags}")
            if(_CBLAS_LINKS_${_cblas_name})
                set(CBLAS_LIBRARIES "${_cblas_flags}" CACHE STRING "Libraries with the CBLAS functions")
                set(CBLAS_INCLUDE_DIRS "${_cblas_includes}" CACHE STRING "Folders of cblas.h")
                set(CBLAS_PC_REQUIRES ${_cblas_name} CACHE INTERNAL "")
                set(CBLAS_PC_LIBS "" CACHE INTERNAL "")
                # Some of these packages name static dependencies that are not installed: then libgan.pc gives the plain flags.
                _cblas_try(_CBLAS_STATIC_LINKS_${_cblas_name} "${_cblas_includes}" "${_CBLAS_PC_${_cblas_name}_STATIC_LDFLAGS}")
                if(NOT _CBLAS_STATIC_LINKS_${_cblas_name})
                    set(CBLAS_PC_REQUIRES "" CACHE INTERNAL "")
                    set(CBLAS_PC_LIBS "${_cblas_flags}" CACHE INTERNAL "")
                endif()
                break()
            endif()
        endif()
    endforeach()
endif()

if(NOT DEFINED CBLAS_LIBRARIES)
    find_path(CBLAS_CBLAS_H cblas.h PATH_SUFFIXES openblas blis cblas)
    mark_as_advanced(CBLAS_CBLAS_H)
    if(CBLAS_CBLAS_H)
        foreach(_cblas_name blas cblas openblas blis)
            find_library(CBLAS_LIBRARY_${_cblas_name} ${_cblas_name})
            mark_as_advanced(CBLAS_LIBRARY_${_cblas_name})
            if(NOT CBLAS_LIBRARY_${_cblas_name})
                continue()
            endif()
            _cblas_try(_CBLAS_PLAIN_${_cblas_name} "${CBLAS_CBLAS_H}" "${CBLAS_LIBRARY_${_cblas_name}}")
            if(_CBLAS_PLAIN_${_cblas_name})
                set(CBLAS_LIBRARIES "${CBLAS_LIBRARY_${_cblas_name}}" CACHE STRING "Libraries with the CBLAS functions")
                set(CBLAS_INCLUDE_DIRS "${CBLAS_CBLAS_H}" CACHE STRING "Folders of cblas.h")
                set(CBLAS_PC_REQUIRES "" CACHE INTERNAL "")
                set(CBLAS_PC_LIBS "-l${_cblas_name}" CACHE INTERNAL "")
                break()
            endif()
        endforeach()
    endif()
endif()
mark_as_advanced(CBLAS_LIBRARIES CBLAS_INCLUDE_DIRS)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CBLAS REQUIRED_VARS CBLAS_LIBRARIES)

if(CBLAS_FOUND AND NOT TARGET CBLAS::CBLAS)
    add_library(CBLAS::CBLAS INTERFACE IMPORTED)
    set_target_properties(CBLAS::CBLAS PROPERTIES INTERFACE_LINK_LIBRARIES "${CBLAS_LIBRARIES}")
endif()
