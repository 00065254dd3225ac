/* Messages: where failing calls leave their sentence, and the host's logger. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/text.h"

__attribute__((format(printf, 2, 0))) static void put(char text[GANI_MESSAGE_SIZE], const char *format,
                                                      va_list arguments) {
    if (vsnprintf(text, GANI_MESSAGE_SIZE, format, arguments) < 0) text[0] = '\0';
}

gan_status gani_fail(gan_context *context, gan_status status, const char *format, ...) {
    if (context == NULL) return status;
    /* formatted aside first: an argument may be the present message */
    char text[GANI_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    put(text, format, arguments);
    va_end(arguments);
    gani_make_printable(text);
    if (status == GAN_E_MEMORY) gani_explain_memory(context, text, sizeof text);
    memcpy(context->message, text, sizeof text);
    context->failure = status;
    context->failures++;
    return status;
}

const char *gani_callback_sentence(const gan_context *context, uint64_t before, gan_status status) {
    return context->failures != before ? context->message : gan_status_text(status);
}

gan_status gani_callback_failed(gan_context *context, gan_status status, uint64_t before, const char *format, ...) {
    char which[GANI_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    put(which, format, arguments);
    va_end(arguments);
    if (status > 0)
        return gani_fail(context, GAN_E_ARGUMENT, "%s function returned %ld, which is no status", which, (long)status);
    return gani_fail(context, status, "%s function failed: %s", which, gani_callback_sentence(context, before, status));
}

gan_status gani_no_memory(gan_context *context, const char *what) {
    return gani_fail(context, GAN_E_MEMORY, "%s: out of memory", what);
}

void gani_notice(gan_context *context, int32_t level, const char *id, const char *format, ...) {
    if (context->logger.log == NULL) return;
    char text[GANI_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    put(text, format, arguments);
    va_end(arguments);
    gani_make_printable(text);
    context->logger.log(context->logger.user, level, id, text);
}

int32_t gani_cancelled(const gan_context *context) {
    return context->cancelled != NULL && context->cancelled(context->cancelled_user) != 0;
}
