/* A learner that is there at once, where libtorch takes most of a second: softmax regression with
 * weight decay. For tests of everything around a gradient. A further tensor, whose gradient are the
 * mean pixels again and again, makes it as large as LeNet, so that answers have as many chunks; a
 * network of another name has another size. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learner_module.h"

DETOX_LEARNER_NOTE_TEXT("softmax by hand");

enum { kTensors = 3, kBallast = 420000 };

struct detox_learner {
  size_t inputs, classes, size;
  int64_t shapes[kTensors][2];
  detox_tensor tensors[kTensors];
  float* scores;
};

static void say(detox_sink sink, const char* text) { sink.write(sink.to, text, strlen(text)); }

static void add_tensor(detox_learner* l, int at, const char* name, size_t rows, size_t columns) {
  l->shapes[at][0] = (int64_t)rows;
  l->shapes[at][1] = (int64_t)columns;
  const detox_text text = {name, strlen(name)};
  const detox_tensor tensor = {text, l->shapes[at], columns > 1 ? 2 : 1, l->size, rows * columns};
  l->tensors[at] = tensor;
  l->size += tensor.size;
}

static int make(const detox_network_request* request, detox_learner** out, detox_sink error) {
  detox_learner* l = calloc(1, sizeof *l);
  if (l != NULL) l->scores = calloc(request->classes, sizeof *l->scores);
  if (l == NULL || l->scores == NULL) {
    free(l);
    say(error, "no memory");
    return DETOX_LEARNER_INPUT;
  }
  l->inputs = (size_t)request->channels * request->height * request->width;
  l->classes = request->classes;
  add_tensor(l, 0, "fc.weight", l->classes, l->inputs);
  add_tensor(l, 1, "fc.bias", l->classes, 1);
  add_tensor(l, 2, "ballast", kBallast + request->network.size, 1);
  *out = l;
  return DETOX_LEARNER_OK;
}

static void destroy(detox_learner* l) {
  free(l->scores);
  free(l);
}

static void layout(const detox_learner* l, detox_model_layout* out) {
  memset(out, 0, sizeof *out);
  out->parameters = l->tensors;
  out->parameters_count = kTensors;
}

static int profile(const detox_learner* l, detox_sink out, detox_sink error) {
  (void)l, (void)error;
  say(out, "softmax by hand");
  return DETOX_LEARNER_OK;
}

static int initial_state(detox_learner* l, const unsigned char* key, float* parameters,
                         float* statistics, int64_t* counters, detox_sink error) {
  (void)statistics, (void)counters, (void)error;
  const float limit = 1.0F / sqrtf((float)l->inputs);
  uint64_t state;
  memcpy(&state, key, sizeof state);
  state |= 1;
  for (size_t i = 0; i < l->size; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    parameters[i] = limit * ((float)(state >> 40) * 0x1p-23F - 1.0F);
  }
  return DETOX_LEARNER_OK;
}

/* The scores of one image as probabilities, and what they say of its label. */
static void forward(detox_learner* l, const float* parameters, const float* image, int64_t label,
                    detox_batch_result* result) {
  const float* bias = parameters + l->tensors[1].offset;
  float greatest = -INFINITY;
  for (size_t c = 0; c < l->classes; ++c) {
    float score = bias[c];
    for (size_t i = 0; i < l->inputs; ++i) score += image[i] * parameters[c * l->inputs + i];
    l->scores[c] = score;
    greatest = score > greatest ? score : greatest;
  }
  const float own = l->scores[label];
  int before = 0;
  float sum = 0;
  for (size_t c = 0; c < l->classes; ++c) {
    before += l->scores[c] > own;
    l->scores[c] = expf(l->scores[c] - greatest);
    sum += l->scores[c];
  }
  for (size_t c = 0; c < l->classes; ++c) l->scores[c] /= sum;
  result->loss_sum += (double)logf(sum) + (double)greatest - (double)own;
  result->correct += before < 1;
  result->correct_top5 += before < 5;
}

static int gradient(detox_learner* l, const float* parameters, const float* statistics,
                    const detox_batch* batch, float* gradient_out, float* statistics_out,
                    detox_batch_result* result, detox_sink error) {
  (void)statistics, (void)statistics_out, (void)error;
  const size_t ballast = l->tensors[2].offset;
  float *bias_out = gradient_out + l->tensors[1].offset, *mean = gradient_out + ballast;
  memset(gradient_out, 0, l->size * sizeof *gradient_out);
  memset(result, 0, sizeof *result);
  for (size_t sample = 0; sample < batch->count; ++sample) {
    const float* image = batch->images + sample * l->inputs;
    forward(l, parameters, image, batch->labels[sample], result);
    for (size_t c = 0; c < l->classes; ++c) {
      const float of_score =
          (l->scores[c] - (float)((int64_t)c == batch->labels[sample])) / (float)batch->count;
      bias_out[c] += of_score;
      for (size_t i = 0; i < l->inputs; ++i) gradient_out[c * l->inputs + i] += of_score * image[i];
    }
    for (size_t i = 0; i < l->inputs; ++i) mean[i] += image[i] / (float)batch->count;
  }
  for (size_t i = ballast + l->inputs; i < l->size; ++i)
    gradient_out[i] = gradient_out[i - l->inputs];
  for (size_t i = 0; i < l->size; ++i) gradient_out[i] += 0.01F * parameters[i];
  return DETOX_LEARNER_OK;
}

static int evaluate(detox_learner* l, const float* parameters, const float* statistics,
                    const int64_t* counters, const detox_batch* batch, detox_batch_result* result,
                    detox_sink error) {
  (void)statistics, (void)counters, (void)error;
  memset(result, 0, sizeof *result);
  for (size_t sample = 0; sample < batch->count; ++sample)
    forward(l, parameters, batch->images + sample * l->inputs, batch->labels[sample], result);
  return DETOX_LEARNER_OK;
}

static int libraries(detox_sink out, detox_sink error) {
  (void)error;
  say(out, "softmax\tby hand\nBLAS\tnone\n");
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
