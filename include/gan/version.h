/** @file
 * The only place where libgan's version is written; the build reads it from here. */
#ifndef GAN_VERSION_H
#define GAN_VERSION_H

#define GAN_VERSION_MAJOR 0
#define GAN_VERSION_MINOR 1
#define GAN_VERSION_PATCH 0

/** The version of these headers as one comparable number: 1000 for 0.1.0, 1002003 for 1.2.3. */
#define GAN_VERSION (GAN_VERSION_MAJOR * 1000000 + GAN_VERSION_MINOR * 1000 + GAN_VERSION_PATCH)

/** True when these headers are at least the given version. */
#define GAN_VERSION_AT_LEAST(major, minor, patch) (GAN_VERSION >= (major) * 1000000 + (minor) * 1000 + (patch))

#endif
