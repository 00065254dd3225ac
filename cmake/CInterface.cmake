# What FindCBLAS and FindLAPACKE share. NAME is CBLAS or LAPACKE; a library counts if the program _NAME_TEST links with it.
#
# The cache has NAME_LIBRARIES and NAME_INCLUDE_DIRS, and for libgan.pc NAME_PC_REQUIRES, NAME_PC_LIBS. Who knows better than these modules sets the first
# (files, names or linker flags) and, where the compiler does not find the header itself, the second.

if(CMAKE_C_COMPILER_LOADED)
    include(CheckCSourceCompiles)
else()
    include(CheckCXXSourceCompiles)
endif()
include(CMakePushCheckState)

# Does a program link with these include folders and libraries?
function(_c_interface_try name result includes libraries)
    cmake_push_check_state(RESET)
    set(CMAKE_REQUIRED_QUIET ON)
    set(CMAKE_REQUIRED_INCLUDES ${includes})
    set(CMAKE_REQUIRED_LIBRARIES ${libraries})
    if(CMAKE_C_COMPILER_LOADED)
        check_c_source_compiles("${_${name}_TEST}" ${result})
    else()
        check_cxx_source_compiles("${_${name}_TEST}" ${result})
    endif()
    cmake_pop_check_state()
endfunction()

# Found: these go to the cache.
macro(_c_interface_take name includes libraries requires libs)
    set(${name}_LIBRARIES "${libraries}" CACHE STRING "Libraries with the functions of ${name}")
    set(${name}_INCLUDE_DIRS "${includes}" CACHE STRING "Folders of the header of ${name}")
    set(${name}_PC_REQUIRES "${requires}" CACHE INTERNAL "")
    set(${name}_PC_LIBS "${libs}" CACHE INTERNAL "")
    set(_${name}_TAKEN "${libraries}" CACHE INTERNAL "")
    mark_as_advanced(${name}_LIBRARIES ${name}_INCLUDE_DIRS)
endmacro()

# What the user has named, now or since the last time, is taken as it is, if it is right.
macro(_c_interface_given name)
    set(${name}_LINKS TRUE)
    if(DEFINED ${name}_LIBRARIES AND NOT "${${name}_LIBRARIES}" STREQUAL "${_${name}_TAKEN}")
        unset(_${name}_GIVEN_LINKS CACHE)
        _c_interface_try(${name} _${name}_GIVEN_LINKS "${${name}_INCLUDE_DIRS}" "${${name}_LIBRARIES}")
        if(_${name}_GIVEN_LINKS)
            set(_${name}_FLAGS "${${name}_LIBRARIES}")
            list(TRANSFORM _${name}_FLAGS PREPEND -l REGEX "^[^-/]") # names, as CMake takes them
            _c_interface_take(${name} "${${name}_INCLUDE_DIRS}" "${${name}_LIBRARIES}" "" "${_${name}_FLAGS}")
        else()
            set(${name}_LINKS FALSE)
        endif()
    endif()
endmacro()

# From pkg-config's package of this name, if it is there and right.
macro(_c_interface_package name package)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(_${name}_PC_${package} QUIET ${package})
    endif()
    if(_${name}_PC_${package}_FOUND)
        # As flags, not as paths of files: CMake would write those paths' folders into programs, and the administrator's choice of
        # implementation would no longer count.
        set(_c_interface_includes ${_${name}_PC_${package}_INCLUDE_DIRS})
        set(_c_interface_flags ${_${name}_PC_${package}_LDFLAGS})
        _c_interface_try(${name} _${name}_LINKS_${package} "${_c_interface_includes}" "${_c_interface_flags}")
        if(_${name}_LINKS_${package})
            # Some of these packages name static dependencies that are not installed: then libgan.pc gives the plain flags.
            _c_interface_try(${name} _${name}_STATIC_LINKS_${package} "${_c_interface_includes}" "${_${name}_PC_${package}_STATIC_LDFLAGS}")
            if(_${name}_STATIC_LINKS_${package})
                _c_interface_take(${name} "${_c_interface_includes}" "${_c_interface_flags}" ${package} "")
            else()
                _c_interface_take(${name} "${_c_interface_includes}" "${_c_interface_flags}" "" "${_c_interface_flags}")
            endif()
        endif()
    endif()
endmacro()

# The result, for find_package, and the target NAME::NAME. (The caller includes FindPackageHandleStandardArgs.)
macro(_c_interface_finish name)
    find_package_handle_standard_args(${name} REQUIRED_VARS ${name}_LIBRARIES ${name}_LINKS)
    if(${name}_FOUND AND NOT TARGET ${name}::${name})
        add_library(${name}::${name} INTERFACE IMPORTED)
        set_target_properties(${name}::${name} PROPERTIES INTERFACE_LINK_LIBRARIES "${${name}_LIBRARIES}")
    endif()
endmacro()
