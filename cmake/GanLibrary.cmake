# libgan: one set of objects, a shared and a static library made of it.

file(GLOB gan_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/*/*.c" "${PROJECT_SOURCE_DIR}/lib/kernel/*/*.c")
file(GLOB gan_x86_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/kernel/x86/*.c")
file(GLOB gan_avx2_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/kernel/x86/*_avx2.c")
file(GLOB gan_avx512_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/kernel/x86/*_avx512.c")
file(GLOB gan_neon_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/lib/kernel/neon/*.c")

include(CheckCSourceCompiles)
foreach(family x86_64 aarch64)
    string(TOUPPER GAN_${family} variable)
    check_c_source_compiles("
        #if !defined(__${family}__)
        #error other
        #endif
        int main(void) { return 0; }" ${variable})
    set(gan_has_${family} OFF)
    if(${variable} AND NOT GAN_SIMD STREQUAL "off")
        set(gan_has_${family} ON)
    endif()
endforeach()

if(NOT gan_has_x86_64)
    list(REMOVE_ITEM gan_sources ${gan_x86_sources})
endif()
if(NOT gan_has_aarch64)
    list(REMOVE_ITEM gan_sources ${gan_neon_sources})
endif()
if(NOT gan_sources)
    message(FATAL_ERROR "No library sources in ${PROJECT_SOURCE_DIR}/lib")
endif()

add_library(gan_objects OBJECT ${gan_sources})
set_target_properties(gan_objects PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
target_compile_definitions(gan_objects PRIVATE GAN_BUILD _POSIX_C_SOURCE=200809L)
target_compile_options(gan_objects PRIVATE ${gan_compile_options})
target_include_directories(gan_objects PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/lib")
target_link_libraries(gan_objects PRIVATE PNG::PNG ZLIB::ZLIB Threads::Threads)
gan_warnings(gan_objects)

# Only files named for an instruction set may use it: the library chooses at run time.
if(gan_has_x86_64)
    set_source_files_properties(${gan_avx2_sources} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-O3;-ffp-contract=off")
    set_source_files_properties(${gan_avx512_sources} PROPERTIES COMPILE_OPTIONS "-mavx512f;-mfma;-O3;-ffp-contract=off")
endif()
if(gan_has_aarch64)
    set_source_files_properties(${gan_neon_sources} PROPERTIES COMPILE_OPTIONS "-O3;-ffp-contract=fast")
endif()

# Time is spent in the kernels for float only; -O3 elsewhere would buy nothing and make the library half as large again. What clang's -O3
# adds to its -O2 is unrolling.
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    foreach(source IN LISTS gan_sources)
        set(level "")
        if(source MATCHES "/base/(rng|box_muller)[.]c$")
            set(level "-O2;-ftree-vectorize") # a fifth of a step where layers add noise
        elseif(NOT source MATCHES "/lib/kernel/" OR source MATCHES "/kernel/linalg[.]c$")
            set(level -Os)
        elseif(source MATCHES "_f64[a-z0-9_]*[.]c$|/ref/conv_gemm_ref[.]c$|/packed/plan[.]c$")
            set(level -O2)
            if(CMAKE_C_COMPILER_ID MATCHES "Clang")
                set(level -Os)
            endif()
        elseif(CMAKE_C_COMPILER_ID MATCHES "GNU" AND source MATCHES "/elementwise_|/ref/|/packed/")
            # loops over memory, and the paths for processors without AVX2: in vectors, but unswitched and peeled loops only take place
            set(level "-O2;-ftree-vectorize;-fvect-cost-model=dynamic;--param=vect-epilogues-nomask=0")
        elseif(source MATCHES "/elementwise_|/ref/")
            set(level "-O2;-fno-unroll-loops") # clang's: loops over memory, in vectors
        elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
            set(level -O2)
        endif()
        if(level)
            set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Release>:${level}>")
        endif()
    endforeach()
endif()

# blas.c alone knows CBLAS.
set(gan_private_libraries PNG::PNG ZLIB::ZLIB Threads::Threads)
if(CBLAS_FOUND)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/lib/kernel/blas.c" PROPERTIES
        COMPILE_DEFINITIONS GANI_HAVE_CBLAS=1 INCLUDE_DIRECTORIES "${CBLAS_INCLUDE_DIRS}")
    list(APPEND gan_private_libraries CBLAS::CBLAS)
endif()
# linalg.c alone knows LAPACKE.
if(gan_lapacke)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/lib/kernel/linalg.c" PROPERTIES
        COMPILE_DEFINITIONS GANI_HAVE_LAPACKE=1 INCLUDE_DIRECTORIES "${LAPACKE_INCLUDE_DIRS}")
    list(APPEND gan_private_libraries LAPACKE::LAPACKE)
endif()
# jpeg.c alone knows libjpeg.
if(JPEG_FOUND)
    set_source_files_properties("${PROJECT_SOURCE_DIR}/lib/io/jpeg.c" PROPERTIES
        COMPILE_DEFINITIONS GANI_HAVE_JPEG=1 INCLUDE_DIRECTORIES "${JPEG_INCLUDE_DIRS}")
    list(APPEND gan_private_libraries JPEG::JPEG)
endif()
if(UNIX)
    list(APPEND gan_private_libraries m)
endif()

add_library(gan_shared SHARED $<TARGET_OBJECTS:gan_objects>)
add_library(gan_static STATIC $<TARGET_OBJECTS:gan_objects>)
add_library(gan::gan_shared ALIAS gan_shared)
add_library(gan::gan_static ALIAS gan_static)
add_library(gan::gan ALIAS gan_shared)

foreach(target gan_shared gan_static)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME gan LINKER_LANGUAGE C)
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE ${gan_private_libraries})
endforeach()
target_compile_definitions(gan_static INTERFACE GAN_STATIC)
if(WIN32)
    set_target_properties(gan_static PROPERTIES OUTPUT_NAME gan_static)
endif()
# Part of a larger build: only what that build links.
if(NOT top_level)
    set_target_properties(gan_shared gan_static PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

# ABI before 1.0: one SONAME a minor version, libgan.so.0.1; from 1.0 on, one a major version.
set(gan_soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(gan_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()
set_target_properties(gan_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${gan_soversion} MACOSX_RPATH ON)
target_link_options(gan_shared PRIVATE ${gan_shared_link_options})

# The exported functions are those of lib/api/symbols.txt, each in the version node it came with.
set(gan_symbols "${PROJECT_SOURCE_DIR}/lib/api/symbols.txt")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${gan_symbols}")
file(STRINGS "${gan_symbols}" gan_symbol_lines REGEX "^gan_")
set(gan_nodes "")
set(gan_export_list "")
foreach(line IN LISTS gan_symbol_lines)
    separate_arguments(fields UNIX_COMMAND "${line}")
    list(GET fields 0 name)
    list(GET fields 1 since)
    list(APPEND gan_nodes ${since})
    list(APPEND gan_symbols_of_${since} ${name})
    string(APPEND gan_export_list "_${name}\n")
endforeach()
list(REMOVE_DUPLICATES gan_nodes)
list(SORT gan_nodes COMPARE NATURAL)
set(gan_version_script "")
set(previous "")
foreach(since IN LISTS gan_nodes)
    string(REPLACE ";" ";\n        " names "${gan_symbols_of_${since}}")
    set(rest "")
    if(previous STREQUAL "")
        set(rest "    local:\n        *;\n")
    endif()
    string(APPEND gan_version_script "GAN_${since} {\n    global:\n        ${names};\n${rest}}${previous};\n")
    set(previous " GAN_${since}")
endforeach()
if(APPLE)
    file(WRITE "${PROJECT_BINARY_DIR}/libgan.exports" "${gan_export_list}")
    target_link_options(gan_shared PRIVATE "-Wl,-exported_symbols_list,${PROJECT_BINARY_DIR}/libgan.exports")
elseif(UNIX)
    set(gan_map "${PROJECT_BINARY_DIR}/libgan.map")
    file(WRITE "${gan_map}.new" "${gan_version_script}")
    configure_file("${gan_map}.new" "${gan_map}" COPYONLY)
    target_link_options(gan_shared PRIVATE "-Wl,--version-script=${gan_map}")
    set_target_properties(gan_shared PROPERTIES LINK_DEPENDS "${gan_map}")
endif()
