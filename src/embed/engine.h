/* The engine inside another program: a run in this process, whose gradients the program computes
 * and whose samples it alone knows. Plain C, and nothing is thrown across it. For python/detoxml of
 * the same version; no interface of its own. */
#ifndef DETOX_EMBED_ENGINE_H
#define DETOX_EMBED_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "learn/learner_module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct detox_training {
  size_t size; /* sizeof(detox_training) */

  /* Stays until the run has ended. Learners are made for images of one value, which says nothing,
   * and a sample's label is its number: of the training data from 0, of the test data from
   * `samples`. All computing is on the thread of detox_train. */
  const detox_learner_table* learner;
  detox_text network, data; /* names, as they are recorded */
  detox_text data_digest;   /* what tells these data from others */
  uint64_t samples, test_samples;

  const char* const* options; /* those of `detoxml train`, as "lr=0.1" or "config=FILE" */
  size_t options_count;

  void* context; /* of the functions below, each of which may be null */
  /* Lines for people; null: on standard error, with a bar where that is a terminal. */
  void (*tell)(void* context, const char* line, size_t size);
  /* After each step, its line of metrics.jsonl. */
  void (*on_step)(void* context, const char* json, size_t size);
  /* Before the test data are scored: where the run's files are, and what it has made, also one that
   * was stopped. */
  void (*on_end)(void* context, detox_text train_dir, const float* parameters,
                 const float* statistics, const int64_t* counters);
} detox_training;

/* Trains, one run at a time in a process. 0; 130 where it was stopped; else the exit code that
 * `detoxml train` would end with, and why in `error`, a line for each mistake. */
int detox_train(const detox_training* training, detox_sink error);

/* From any thread, or a signal's handler: the run that goes on ends after its step. */
void detox_stop_training(void);

const char* detox_engine_version(void);

#ifdef __cplusplus
}
#endif

#endif
