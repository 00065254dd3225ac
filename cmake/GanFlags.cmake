# Compiler flags of libgan's own targets. Nothing here leaks into a project that adds libgan as a subfolder.

include(CheckCCompilerFlag)

# Results and arithmetic: a multiply and an add are fused only where the source says so, so that bits do not depend on the compiler.
# Nobody reads errno or the exception flags of single operations, so selects and roots may be vectorised: same values, many times faster.
# Calls inside the library never go through the dynamic linker's tables.
set(gan_compile_options "")
foreach(flag -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-semantic-interposition)
    string(MAKE_C_IDENTIFIER "GAN_HAVE${flag}" result)
    check_c_compiler_flag(${flag} ${result})
    if(${result})
        list(APPEND gan_compile_options ${flag})
    endif()
endforeach()

# What must never reach a release: writable data and executable stacks are checked by tests/abi.
set(gan_shared_link_options "")
if(UNIX AND NOT APPLE)
    list(APPEND gan_shared_link_options
         -Wl,-Bsymbolic-functions -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
    if(NOT GAN_SANITIZE)
        list(APPEND gan_shared_link_options -Wl,--no-undefined)
    endif()
endif()

# Fuzzers want every branch of the library counted, and to see what sanitizers see.
if(GAN_BUILD_FUZZERS)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "GAN_BUILD_FUZZERS needs clang: -DCMAKE_C_COMPILER=clang")
    endif()
    if(NOT GAN_SANITIZE)
        set(GAN_SANITIZE address,undefined)
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Sanitizers are for libgan's own development: the option covers everything below this folder.
if(GAN_SANITIZE)
    add_compile_options(-fsanitize=${GAN_SANITIZE} -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${GAN_SANITIZE})
    if(GAN_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()

# Warnings for a target: strict ones for the library and the examples, without -Wconversion for the tests.
function(gan_warnings target)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
        return()
    endif()
    set(warnings -Wall -Wextra -Wpedantic -Wshadow)
    if(NOT "${ARGV1}" STREQUAL "TEST")
        list(APPEND warnings -Wconversion)
    endif()
    if(GAN_WERROR)
        list(APPEND warnings -Werror)
    endif()
    target_compile_options(${target} PRIVATE ${warnings})
endfunction()
