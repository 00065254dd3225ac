/* Options structs that grow: the first member is the caller's size, written by the caller's compiler. */
#include <string.h>

#include "base/context.h"

/* No struct ends in the middle of a word or holds nothing but its size: such a one was never initialised. */
int gani_is_struct_size(size_t size) { return size > sizeof size && size % sizeof size == 0 && size <= 65536; }

gan_status gani_options_decode(gan_context *context, const char *name, const void *options, void *known,
                               size_t known_size) {
    if (options == NULL) return GAN_OK;
    size_t size;
    memcpy(&size, options, sizeof size);
    if (!gani_is_struct_size(size))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "%s: options have struct_size %zu: call the options' init function first", name, size);
    const unsigned char *bytes = options;
    for (size_t i = known_size; i < size; i++)
        if (bytes[i] != 0)
            return gani_fail(context, GAN_E_UNSUPPORTED,
                             "%s: an option is set that libgan %s does not know: a newer libgan is needed", name,
                             gan_version_string());
    memcpy(known, options, size < known_size ? size : known_size);
    memcpy(known, &known_size, sizeof known_size);
    return GAN_OK;
}

gan_status gani_options_reserved(gan_context *context, const char *name, int32_t reserved) {
    if (reserved == 0) return GAN_OK;
    return gani_fail(context, GAN_E_UNSUPPORTED,
                     "%s: a reserved option is set, which libgan %s does not know: a newer libgan is needed", name,
                     gan_version_string());
}

void gani_options_init(void *options, size_t size, const void *defaults, size_t known_size) {
    if (options == NULL || size < sizeof size) return;
    memset(options, 0, size);
    memcpy(options, defaults, size < known_size ? size : known_size);
    memcpy(options, &size, sizeof size);
}
