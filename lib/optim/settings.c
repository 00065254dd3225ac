/* What an optimizer does with gradients, as a list of named numbers: so a checkpoint tells how it was trained. */
#include <stdio.h>

#include "optim/optimizer.h"

void gani_optimizer_settings(const gan_optimizer *optimizer, gani_visit_setting *visit, void *user) {
    const gan_schedule_options *s = &optimizer->schedule;
    char name[48];
    for (const gani_setting *setting = optimizer->rule->settings; setting->name != NULL; setting++)
        visit(user, setting->name, *(const double *)((const char *)&optimizer->config + setting->offset));
    for (int32_t i = 0; i < optimizer->group_count; i++) {
        snprintf(name, sizeof name, "group%ld.learning_rate_factor", (long)i + 1);
        visit(user, name, optimizer->groups[i].rate_factor);
        snprintf(name, sizeof name, "group%ld.weight_decay", (long)i + 1);
        visit(user, name, optimizer->groups[i].weight_decay);
    }
    visit(user, "averaging", optimizer->averaging);
    visit(user, "max_value", optimizer->max_value);
    visit(user, "max_norm", optimizer->max_norm);
    visit(user, "schedule.kind", s->kind);
    visit(user, "schedule.start", (double)s->start);
    visit(user, "schedule.length", (double)s->length);
    visit(user, "schedule.interval", (double)s->interval);
    visit(user, "schedule.factor", s->factor);
    visit(user, "schedule.final_factor", s->final_factor);
    visit(user, "schedule.warm_up", (double)s->warm_up);
}
