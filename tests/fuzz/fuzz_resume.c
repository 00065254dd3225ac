/* Checkpoints: the size of a log, the log, then a checkpoint as fuzz_container has it. A run that refuses one is as it
 * was; one that takes it can train on. */
#include "small_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    small_run r;
    uint8_t how = fuzz_u8(&bytes);
    small_run_begin(&r, (how & 16) != 0);
    size_t log = fuzz_u8(&bytes);
    if (log > bytes.size) log = bytes.size;
    if (how & 2) fuzz_file("run/log.jsonl", bytes.data, log);
    fuzz_container(SMALL_RUN_CHECKPOINT, "gan.checkpoint", (fuzz_bytes){bytes.data + log, bytes.size - log});
    if (how & 4) fuzz_file("run/checkpoint-000009.safetensors", bytes.data, log);
    uint64_t before = small_run_digest(&r);
    if (fuzz_status(r.context, gan_run_resume(r.run, how & 1 ? "run" : SMALL_RUN_CHECKPOINT)) != GAN_OK) {
        fuzz_expect(small_run_digest(&r) == before, "a refused checkpoint changed the run");
        fuzz_expect(gan_run_step(r.run) == 0, "a refused checkpoint changed the step");
    }
    int draws = (how & 16) != 0 || (how & 2) != 0; /* a log with numbers becomes curves, which take long to draw */
    if ((how & 8) && (!draws || how >= 0xe0)) fuzz_status(r.context, gan_run_train(r.run));
    small_run_end(&r);
    return 0;
}
