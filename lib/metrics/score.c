/* Scores as text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/numbers.h"
#include "metrics/metrics.h"

/* By metric: what comes before the setting, the name, what comes behind the setting. One text, not a table of pointers:
 * the loader has nothing to adjust. */
static const char texts[] = "\0Fr\303\251chet distance\0\0"
                            "\0kernel distance x 1000\0 subsets\0"
                            "k = \0precision\0\0"
                            "k = \0recall\0\0"
                            "k = \0density\0\0"
                            "k = \0coverage\0\0"
                            "\0classifier score\0 splits\0"
                            "sigma = \0Parzen log likelihood\0\0"
                            "\0different bins\0 bins\0"
                            "\0Jensen-Shannon divergence of bins\0 bins\0"
                            "\0MS-SSIM\0 scales";

static const char *behind(const char *text) { return text + strlen(text) + 1; }

#define DIGITS 5

int64_t gani_score_text(const gan_score *score, char *buffer, size_t size) {
    char value[GANI_NUMBER_SIZE], error[GANI_NUMBER_SIZE], setting[GANI_NUMBER_SIZE], reals[32] = "", seed[32] = "";
    if (score->metric < 1 || score->metric > GAN_METRIC_MS_SSIM) return -1;
    const char *before = texts, *name, *after;
    for (gan_metric i = 1; i < score->metric; i++) before = behind(behind(behind(before)));
    name = behind(before);
    after = behind(name);
    double scale = score->metric == GAN_METRIC_KERNEL ? 1000 : 1;
    int has_error = !isnan(score->error), has_setting = !isnan(score->setting);
    gani_number_digits(score->value * scale, DIGITS, value);
    gani_number_digits(score->error * scale, DIGITS, error);
    gani_number_digits(score->setting, DIGITS, setting);
    if (score->reals > 0) snprintf(reals, sizeof reals, "%lld real and ", (long long)score->reals);
    if (score->has_seed) snprintf(seed, sizeof seed, ", seed %llu", (unsigned long long)score->seed);
    return snprintf(buffer, size, "%s %s%s%s (%.*s, %s%lld %s%s%s%s%s%s)", name, value, has_error ? " +- " : "",
                    has_error ? error : "", GAN_FEATURES_NAME - 1, score->features, reals, (long long)score->fakes,
                    score->metric == GAN_METRIC_MS_SSIM ? "pairs" : "generated", has_setting ? ", " : "",
                    has_setting ? before : "", has_setting ? setting : "", has_setting ? after : "", seed);
}
