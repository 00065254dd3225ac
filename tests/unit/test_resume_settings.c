/* Every setting of an optimizer that is another one when a run goes on is told, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "files.h"
#include "host.h"

enum { ADAM, RMSPROP, SGD, RULES };

/* Of the optimizers below; what checkpoints say of all of them, and of one rule. (RMSProp's `centered` changes which
 * tensors there are, too: such a checkpoint is refused, see test_checkpoint.c.) */
static const char *const of_all[] = {"group1.weight_decay", "group2.learning_rate_factor",
                                     "group2.weight_decay", "averaging",
                                     "max_value",           "max_norm",
                                     "schedule.kind",       "schedule.start",
                                     "schedule.length",     "schedule.interval",
                                     "schedule.factor",     "schedule.final_factor",
                                     "schedule.warm_up"};
static const char *const of_rule[RULES][6] = {
    {"beta1", "beta2", "epsilon", "epsilon_mode"},
    {"alpha", "epsilon", "momentum", "epsilon_mode", "initial_square"},
    {"momentum", "dampening", "nesterov"},
};

static char folder[FILES_PATH];

typedef struct notices {
    int count;
    char text[4096];
} notices;

static void take_notice(void *user, int32_t level, const char *id, const char *text) {
    notices *n = user;
    (void)level;
    if (strcmp(id, "resume.setting") != 0) return;
    size_t used = strlen(n->text);
    n->count++;
    snprintf(n->text + used, sizeof n->text - used, "%s\n", text);
}

static gan_status do_nothing(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)run, (void)tape;
    return GAN_OK;
}

/* For the first group, the first linear layer. With `other`, 0 or 1, nothing is the same. */
static gan_optimizer *make_rule(gan_layer *layer, int rule, int other) {
    gan_optimizer *optimizer = NULL;
    gan_adam_options adam;
    gan_rmsprop_options rmsprop;
    gan_sgd_options sgd;
    switch (rule) {
    case ADAM:
        gan_adam_options_init(&adam);
        adam.beta1 += 0.1 * other;
        adam.beta2 -= 0.1 * other;
        adam.epsilon *= 1 + other;
        adam.epsilon_mode = other ? GAN_EPSILON_INSIDE : GAN_EPSILON_OUTSIDE;
        adam.weight_decay = 0.1 * other;
        adam.prefix = "0";
        assert_int_equal(gan_adam_create(&optimizer, layer, &adam), GAN_OK);
        break;
    case RMSPROP:
        gan_rmsprop_options_init(&rmsprop);
        rmsprop.alpha -= 0.1 * other;
        rmsprop.epsilon *= 1 + other;
        rmsprop.momentum = 0.5 + 0.1 * other;
        rmsprop.epsilon_mode = other ? GAN_EPSILON_INSIDE : GAN_EPSILON_OUTSIDE;
        rmsprop.initial_square = other;
        rmsprop.weight_decay = 0.1 * other;
        rmsprop.prefix = "0";
        assert_int_equal(gan_rmsprop_create(&optimizer, layer, &rmsprop), GAN_OK);
        break;
    default:
        gan_sgd_options_init(&sgd);
        sgd.momentum = 0.5 + 0.1 * other;
        sgd.dampening = 0.1 * other;
        sgd.nesterov = !other;
        sgd.weight_decay = 0.1 * other;
        sgd.prefix = "0";
        assert_int_equal(gan_sgd_create(&optimizer, layer, &sgd), GAN_OK);
    }
    return optimizer;
}

static gan_optimizer *make_optimizer(gan_layer *layer, int rule, int other) {
    gan_optimizer *optimizer = make_rule(layer, rule, other);
    gan_group_options group;
    gan_schedule_options schedule;
    gan_group_options_init(&group);
    group.prefix = "1";
    group.learning_rate_factor = 2 + other;
    group.weight_decay = 0.2 + 0.1 * other;
    assert_int_equal(gan_optimizer_add_layer(optimizer, layer, &group), GAN_OK);
    gan_schedule_options_init(&schedule);
    schedule.kind = other ? GAN_SCHEDULE_COSINE : GAN_SCHEDULE_LINEAR;
    schedule.start += other;
    schedule.length += other;
    schedule.interval += other;
    schedule.factor += other;
    schedule.final_factor += other;
    schedule.warm_up += other;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &schedule), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(optimizer, 1 + other, 1 + other), GAN_OK);
    assert_int_equal(gan_optimizer_set_averaging(optimizer, other), GAN_OK);
    return optimizer;
}

/* Two steps; `told`: the second program's, which takes them up again. NULL: the first one's. */
static void train(int rule, int other, notices *told) {
    gan_context_options options;
    gan_logger logger = {.struct_size = sizeof logger, .user = told, .log = take_notice};
    gan_context_options_init(&options);
    options.threads = 1;
    if (told != NULL) options.logger = &logger;
    gan_context *context;
    gan_layer *layer;
    gan_run_options ro;
    gan_run *run;
    assert_int_equal(gan_context_create(&context, &options), GAN_OK);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_add_linear(b, 2, NULL);
    gan_add_linear(b, 2, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_optimizer *optimizer = make_optimizer(layer, rule, other);
    gan_run_options_init(&ro);
    ro.folder = folder;
    ro.steps = 2;
    assert_int_equal(gan_run_create(&run, context, &ro), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "net", layer), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "rule", optimizer), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "nothing", do_nothing, NULL), GAN_OK);
    if (told != NULL) assert_int_equal(gan_run_resume(run, folder), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
    gan_context_release(context);
}

static void assert_told(const notices *told, const char *setting) {
    char words[64];
    snprintf(words, sizeof words, " has %s ", setting);
    const char *at = strstr(told->text, words);
    if (at == NULL) fail_msg("%s is not told in: %s", setting, told->text);
    assert_null(strstr(at + 1, words));
}

static void each_is_told(void **state) {
    (void)state;
    for (int rule = 0; rule < RULES; rule++) {
        notices none = {0, ""}, told = {0, ""};
        int expected = sizeof of_all / sizeof of_all[0];
        files_folder(folder);
        train(rule, 0, NULL);
        train(rule, 0, &none);
        assert_string_equal(none.text, "");
        train(rule, 1, &told);
        files_remove(folder);
        for (size_t i = 0; i < sizeof of_all / sizeof of_all[0]; i++) assert_told(&told, of_all[i]);
        for (int i = 0; of_rule[rule][i] != NULL; i++, expected++) assert_told(&told, of_rule[rule][i]);
        if (told.count != expected) fail_msg("%d are told, not %d: %s", told.count, expected, told.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
