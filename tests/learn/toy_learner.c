/* A learner module in plain C: what the interface asks of one, and nothing else. Its gradient is
 * the parameters times the number of samples. */
#include <stdlib.h>
#include <string.h>

#include "learn/learner_module.h"

DETOX_LEARNER_NOTE_TEXT("toy 0.1");

struct detox_learner {
  size_t classes;
};

static const int64_t kShape[] = {3, 2};
static const int64_t kLong[] = {2};
static const int64_t kNone[] = {1};
static const unsigned char kBytes[] = {1, 0};
#define TEXT(WORD) \
  { WORD, sizeof(WORD) - 1 }
static const detox_tensor kParameters[] = {{TEXT("fc.weight"), kShape, 2, 0, 6},
                                           {TEXT("fc.bias"), kLong, 1, 6, 2}};
static const detox_tensor kStatistics[] = {{TEXT("norm.mean"), kLong, 1, 0, 2}};
static const detox_tensor kCounters[] = {{TEXT("norm.num_batches_tracked"), NULL, 0, 0, 1}};
static const detox_tied_tensor kTied[] = {{TEXT("again.bias"), TEXT("fc.bias")}};
static const detox_constant_tensor kConstants[] = {
    {TEXT("mask"), TEXT("BOOL"), kLong, 1, kBytes, 2}};
static const detox_text kNotices[] = {TEXT("warning: a toy")};
/* The bias does not begin where the weight ends. */
static const detox_tensor kGap[] = {{TEXT("fc.weight"), kNone, 1, 0, 1},
                                    {TEXT("fc.bias"), kLong, 1, 2, 2}};

static void say(detox_sink sink, const char* text) { sink.write(sink.to, text, strlen(text)); }

static int make(const detox_network_request* request, detox_learner** out, detox_sink error) {
  if (request->channels != 1) {
    say(error, "the toy takes grey images");
    return DETOX_LEARNER_USAGE;
  }
  *out = malloc(sizeof **out);
  if (*out == NULL) {
    say(error, "no memory");
    return DETOX_LEARNER_INPUT;
  }
  (*out)->classes = request->classes;
  return DETOX_LEARNER_OK;
}

static void destroy(detox_learner* learner) { free(learner); }

static void layout(const detox_learner* learner, detox_model_layout* out) {
  static const detox_model_layout kLayout = {.parameters = kParameters,
                                             .parameters_count = 2,
                                             .statistics = kStatistics,
                                             .statistics_count = 1,
                                             .counters = kCounters,
                                             .counters_count = 1,
                                             .tied = kTied,
                                             .tied_count = 1,
                                             .constants = kConstants,
                                             .constants_count = 1,
                                             .source = TEXT("abc"),
                                             .notices = kNotices,
                                             .notices_count = 1};
  *out = kLayout;
  if (learner->classes == 2) {
    out->parameters = kGap;
  }
}

static int profile(const detox_learner* learner, detox_sink out, detox_sink error) {
  (void)learner, (void)error;
  say(out, "toy ");
  say(out, "profile");
  return DETOX_LEARNER_OK;
}

static int initial_state(detox_learner* learner, const unsigned char* key, float* parameters,
                         float* statistics, int64_t* counters, detox_sink error) {
  (void)learner, (void)error;
  for (int i = 0; i < 8; ++i) parameters[i] = (float)key[i];
  statistics[0] = statistics[1] = 0.5F;
  counters[0] = 7;
  return DETOX_LEARNER_OK;
}

static int gradient(detox_learner* learner, const float* parameters, const float* statistics,
                    const detox_batch* batch, float* gradient_out, float* statistics_out,
                    detox_batch_result* result, detox_sink error) {
  (void)learner;
  if (batch->draws == 13) {
    say(error, "no gradient on a thirteenth");
    return DETOX_LEARNER_INPUT;
  }
  for (int i = 0; i < 8; ++i) gradient_out[i] = parameters[i] * (float)batch->count;
  for (int i = 0; i < 2; ++i) statistics_out[i] = statistics[i] + batch->images[0];
  result->loss_sum = (double)batch->draws;
  result->correct = batch->labels[0];
  result->correct_top5 = 2;
  return DETOX_LEARNER_OK;
}

static int evaluate(detox_learner* learner, const float* parameters, const float* statistics,
                    const int64_t* counters, const detox_batch* batch, detox_batch_result* result,
                    detox_sink error) {
  (void)learner, (void)error, (void)batch;
  result->loss_sum = (double)parameters[7] + (double)statistics[1];
  result->correct = counters[0];
  result->correct_top5 = (int64_t)batch->count;
  return DETOX_LEARNER_OK;
}

static int libraries(detox_sink out, detox_sink error) {
  (void)error;
  say(out, "toy\t0.1, by hand\nBLAS\tnone\n");
  return DETOX_LEARNER_OK;
}

static void* no_sgemm(void) { return NULL; }

const detox_learner_table* detox_learner_module(void) {
  static const detox_learner_table kTable = {.interface = DETOX_LEARNER_INTERFACE,
                                             .make = make,
                                             .destroy = destroy,
                                             .layout = layout,
                                             .profile = profile,
                                             .initial_state = initial_state,
                                             .gradient = gradient,
                                             .evaluate = evaluate,
                                             .libraries = libraries,
                                             .sgemm = no_sgemm};
  return &kTable;
}
