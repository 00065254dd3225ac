#include "report.h"

#include <stdio.h>

#include "base/context.h"
#include "peak.h"

static gan_status report(gan_context *context) {
    gani_pool *pool = context->pool;
    int threads = (int)gan_context_threads(context);
    const char *level;
    for (int32_t i = 0; (level = peak_level(i)) != NULL; i++) {
        double flops = peak_flops(pool, level);
        if (flops > 0)
            printf("{\"level\": \"%s\", \"threads\": %d, \"gflop_per_s\": %.1f}\n", level, threads, 1e-9 * flops);
    }
    double bandwidth = peak_bandwidth(pool);
    if (bandwidth > 0) printf("{\"triad\": \"f32\", \"threads\": %d, \"gb_per_s\": %.1f}\n", threads, 1e-9 * bandwidth);
    return bandwidth > 0 ? GAN_OK : GAN_E_MEMORY;
}

gan_status report_peak(const gan_context *widest) {
    gan_context_options options;
    gan_context_options_init(&options);
    gan_status status = GAN_OK;
    for (options.threads = 1; options.threads <= gan_context_threads(widest) && status == GAN_OK; options.threads++) {
        gan_context *context = NULL;
        status = gan_context_create(&context, &options);
        if (status == GAN_OK) status = report(context);
        gan_context_release(context);
    }
    return status;
}
