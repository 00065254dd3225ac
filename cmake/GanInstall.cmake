# Install rules: headers, both libraries, libgan.pc, the CMake package.

include(CMakePackageConfigHelpers)

set(gan_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/gan")

install(FILES include/gan.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/gan DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

# Two export sets: who links the shared library needs none of its dependencies.
set_target_properties(gan_shared gan_static PROPERTIES EXCLUDE_FROM_ALL OFF)
foreach(kind shared static)
    install(TARGETS gan_${kind} EXPORT gan-${kind}
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT gan-${kind} NAMESPACE gan:: FILE gan-${kind}.cmake DESTINATION "${gan_package_dir}")
endforeach()

set(gan_uses_cblas 0)
if(CBLAS_FOUND)
    set(gan_uses_cblas 1)
    install(FILES cmake/FindCBLAS.cmake DESTINATION "${gan_package_dir}")
endif()
configure_package_config_file(cmake/ganConfig.cmake.in ganConfig.cmake INSTALL_DESTINATION "${gan_package_dir}")
# Before 1.0 a minor version may break: 0.1 satisfies 0.1 only.
set(compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(compatibility SameMinorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ganConfigVersion.cmake" COMPATIBILITY ${compatibility})
install(FILES "${PROJECT_BINARY_DIR}/ganConfig.cmake" "${PROJECT_BINARY_DIR}/ganConfigVersion.cmake" DESTINATION "${gan_package_dir}")

# libgan.pc finds its prefix from where it lies, so that an installed tree can be moved.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
    file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(pc_prefix "\${pcfiledir}/${up}")
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_requires_private "libpng, zlib")
set(pc_libs_private "")
if(CBLAS_FOUND AND CBLAS_PC_REQUIRES)
    string(APPEND pc_requires_private ", ${CBLAS_PC_REQUIRES}")
elseif(CBLAS_FOUND)
    list(APPEND pc_libs_private ${CBLAS_PC_LIBS})
endif()
if(CMAKE_THREAD_LIBS_INIT)
    list(APPEND pc_libs_private ${CMAKE_THREAD_LIBS_INIT})
else()
    list(APPEND pc_libs_private -pthread)
endif()
if(UNIX)
    list(APPEND pc_libs_private -lm)
endif()
string(REPLACE ";" " " pc_libs_private "${pc_libs_private}")
configure_file(pkgconfig/libgan.pc.in libgan.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/libgan.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
