/* What optimizers are made of: members in groups. */
#include "optim/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

gan_optimizer *gani_optimizer_retain(gan_optimizer *optimizer) {
    atomic_fetch_add(&optimizer->references, 1);
    return optimizer;
}

static void drop_members(gan_optimizer *optimizer, int32_t first, int32_t end) {
    for (int32_t i = first; i < end; i++) {
        gani_member *member = &optimizer->members[i];
        gani_free(optimizer->context, member->name);
        gani_tensor_drop(member->parameter);
        for (int32_t k = 0; k < GANI_MAX_MOMENTS; k++) gani_tensor_drop(member->moments[k]);
        gani_tensor_drop(member->sum);
    }
}

void gani_optimizer_drop(gan_optimizer *optimizer) {
    if (optimizer == NULL || atomic_fetch_sub(&optimizer->references, 1) != 1) return;
    gan_context *context = optimizer->context;
    drop_members(optimizer, 0, optimizer->count);
    gani_free(context, optimizer->members);
    gani_free(context, optimizer->groups);
    gani_free(context, optimizer->parameters);
    gani_free(context, optimizer->gradients);
    gani_free(context, optimizer->squares);
    gani_free(context, optimizer);
    gan_context_release(context);
}

gan_status gani_optimizer_create(gan_optimizer **out, gan_context *context, const gani_optimizer_rule *rule,
                                 const gani_optimizer_config *config, double learning_rate) {
    *out = NULL;
    gan_optimizer *optimizer = gani_calloc(context, 1, sizeof *optimizer);
    if (optimizer == NULL) return gani_no_memory(context, rule->kind);
    atomic_init(&optimizer->references, 1);
    optimizer->context = gani_context_retain(context);
    optimizer->rule = rule;
    optimizer->config = *config;
    optimizer->learning_rate = learning_rate;
    optimizer->max_value = optimizer->max_norm = INFINITY;
    optimizer->gradient_norm = NAN;
    optimizer->moment_count = rule->moments(config, optimizer->moments);
    *out = optimizer;
    return GAN_OK;
}

/* ---- groups ---- */

/* Memory for `count` more members and a group; what is larger than needed stays. */
static gan_status reserve(gan_optimizer *optimizer, int32_t count, int64_t largest) {
    gan_context *context = optimizer->context;
    size_t members = (size_t)optimizer->count + (size_t)count, groups = (size_t)optimizer->group_count + 1;
    size_t shares = (size_t)((largest + GANI_SHARE_ELEMENTS - 1) / GANI_SHARE_ELEMENTS);
    struct {
        void **array;
        size_t size;
    } const arrays[] = {{(void **)&optimizer->members, members * sizeof *optimizer->members},
                        {(void **)&optimizer->parameters, members * sizeof *optimizer->parameters},
                        {(void **)&optimizer->gradients, members * sizeof *optimizer->gradients},
                        {(void **)&optimizer->groups, groups * sizeof *optimizer->groups},
                        {(void **)&optimizer->squares, shares * sizeof *optimizer->squares}};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        void *grown = gani_realloc(context, *arrays[i].array, arrays[i].size);
        if (grown == NULL) return gani_no_memory(context, optimizer->rule->kind);
        *arrays[i].array = grown;
    }
    return GAN_OK;
}

static gan_status check_new(const gan_optimizer *optimizer, int32_t count, const char *name,
                            const gan_tensor *parameter) {
    for (int32_t i = 0; i < count; i++) {
        const gani_member *member = &optimizer->members[i];
        if (member->parameter == parameter)
            return gani_fail(optimizer->context, GAN_E_ARGUMENT,
                             "%s: '%s' is in the optimizer already, as '%s': a parameter belongs to one group",
                             optimizer->rule->kind, name, member->name);
        if (strcmp(member->name, name) == 0)
            return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: there is another parameter '%s' already",
                             optimizer->rule->kind, name);
    }
    return GAN_OK;
}

/* Becomes number `at`; what there is of it after a failure is dropped with it. */
static gan_status add_member(gan_optimizer *optimizer, int32_t at, const gani_named *named) {
    gan_context *context = optimizer->context;
    char name[256];
    if (optimizer->group_count == 0)
        snprintf(name, sizeof name, "%s", named->name);
    else
        snprintf(name, sizeof name, "group%ld:%s", (long)optimizer->group_count + 1, named->name);
    gan_status status = check_new(optimizer, at, name, named->tensor);
    gani_member *member = &optimizer->members[at];
    memset(member, 0, sizeof *member);
    if (status != GAN_OK) return status;
    member->group = optimizer->group_count;
    member->name = gani_strdup(context, name);
    if (member->name == NULL) return gani_no_memory(context, optimizer->rule->kind);
    member->parameter = optimizer->parameters[at] = gan_tensor_retain(named->tensor);
    for (int32_t k = 0; k < optimizer->moment_count && status == GAN_OK; k++)
        status = gani_tensor_zeros(&member->moments[k], context, named->tensor->dtype, named->tensor->shape);
    if (status == GAN_OK && optimizer->config.initial_square != 0)
        gani_kernels_for(context, named->tensor->dtype)
            ->fill(gani_count(named->tensor), member->moments[0]->data, optimizer->config.initial_square);
    return status;
}

gan_status gani_optimizer_add_group(gan_optimizer *optimizer, const gani_named *tensors, int32_t count,
                                    const char *prefix, const gani_group *group) {
    const char *kind = optimizer->rule->kind;
    if (optimizer->accumulated > 0)
        return gani_fail(optimizer->context, GAN_E_STATE,
                         "%s: gradients are accumulated: make the step before parameters are added", kind);
    int32_t fitting = 0;
    int64_t largest = 1;
    for (int32_t i = 0; i < optimizer->count; i++)
        if (gani_count(optimizer->parameters[i]) > largest) largest = gani_count(optimizer->parameters[i]);
    for (int32_t i = 0; i < count; i++) {
        if (!tensors[i].is_parameter || !gani_name_begins(tensors[i].name, prefix)) continue;
        fitting++;
        if (gani_count(tensors[i].tensor) > largest) largest = gani_count(tensors[i].tensor);
    }
    if (fitting == 0 && prefix != NULL)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: no parameter's name begins with '%.80s'", kind,
                         prefix);
    gan_status status = reserve(optimizer, fitting, largest);
    if (status != GAN_OK) return status;
    int32_t end = optimizer->count;
    for (int32_t i = 0; i < count && status == GAN_OK; i++)
        if (tensors[i].is_parameter && gani_name_begins(tensors[i].name, prefix))
            status = add_member(optimizer, end++, &tensors[i]);
    if (status != GAN_OK) {
        drop_members(optimizer, optimizer->count, end);
        return status;
    }
    optimizer->count = end;
    optimizer->groups[optimizer->group_count++] = *group;
    return GAN_OK;
}
