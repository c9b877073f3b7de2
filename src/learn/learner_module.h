/* What a learner module is: a shared library that computes gradients for detoxml, opened when a
 * network is needed. Plain C, so that the module may be built with other compilers, and with
 * another libtorch, than the program; nothing may be thrown across it.
 *
 * A module
 *   - exports detox_learner_module(), whose table stays as long as the process;
 *   - carries an ELF note of the name "detoxml" and type DETOX_LEARNER_NOTE whose text is
 *     "interface=1;NAME VERSION" (see DETOX_LEARNER_NOTE_TEXT): it is read without opening the
 *     module, which is refused where the interface is another;
 *   - is never closed.
 *
 * Vectors belong to the caller and are only used during a call. float is IEEE 754 binary32. */
#ifndef DETOX_LEARNER_MODULE_H
#define DETOX_LEARNER_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DETOX_LEARNER_INTERFACE 1
#define DETOX_LEARNER_INTERFACE_TEXT "1"
#define DETOX_LEARNER_NOTE 1
#define DETOX_LEARNER_SYMBOL "detox_learner_module"

/* Puts the note into a translation unit; WITH is the library that computes: "libtorch 1.13.1". */
#define DETOX_LEARNER_NOTE_TEXT(WITH)                                           \
  __asm__(                                                                      \
      ".pushsection .note.detoxml, \"a\", %note\n"                              \
      ".balign 4\n.long 2f-1f, 4f-3f, 1\n1: .asciz \"detoxml\"\n2: "            \
      ".balign 4\n3: .ascii \"interface=" DETOX_LEARNER_INTERFACE_TEXT ";" WITH \
      "\"\n4: .balign 4\n.popsection\n")

/* UTF-8; `data` need not end with 0. */
typedef struct detox_text {
  const char* data;
  size_t size;
} detox_text;

/* Takes text, piece by piece. */
typedef struct detox_sink {
  void* to;
  void (*write)(void* to, const char* data, size_t size);
} detox_sink;

/* What calls that can fail answer; the reason goes to their `error`, as one line. The numbers are
 * the program's exit codes. */
enum {
  DETOX_LEARNER_OK = 0,
  DETOX_LEARNER_INPUT = 1, /* a file, this machine or its memory is not as it must be */
  DETOX_LEARNER_USAGE = 2  /* no such network, or it cannot take such images */
};

/* A named tensor and where it starts in its flat vector. */
typedef struct detox_tensor {
  detox_text name; /* PyTorch's usual name: "conv1.weight" */
  const int64_t* shape;
  size_t dimensions, offset, size; /* offset and size in elements */
} detox_tensor;

typedef struct detox_tied_tensor {
  detox_text name, of;
} detox_tied_tensor;

/* A buffer that is never computed with: dtype as safetensors has it. */
typedef struct detox_constant_tensor {
  detox_text name, dtype;
  const int64_t* shape;
  size_t dimensions;
  const void* bytes;
  size_t size;
} detox_constant_tensor;

/* detox::ModelLayout (base/learner.hpp): tensors of each kind follow each other without gaps. */
typedef struct detox_model_layout {
  const detox_tensor* parameters; /* float */
  size_t parameters_count;
  const detox_tensor* statistics; /* float */
  size_t statistics_count;
  const detox_tensor* counters; /* int64_t */
  size_t counters_count;
  const detox_tied_tensor* tied;
  size_t tied_count;
  const detox_constant_tensor* constants;
  size_t constants_count;
  detox_text source; /* SHA-256, hex, of the network's file; empty without one */
  const detox_text* notices;
  size_t notices_count;
} detox_model_layout;

typedef struct detox_batch {
  const float* images;   /* (count, channels, height, width) */
  const int64_t* labels; /* count, each in [0, classes) */
  size_t count;
  uint64_t draws; /* seeds what the network draws in training */
} detox_batch;

/* All of it is set by the call. */
typedef struct detox_batch_result {
  double loss_sum;               /* of the cross entropy over the samples */
  int64_t correct, correct_top5; /* -1: labels are no classes */
} detox_batch_result;

typedef struct detox_network_request {
  detox_text network; /* a name of `detoxml list`, or a path to a file */
  uint32_t channels, height, width;
  size_t classes;
} detox_network_request;

/* One network on one thread at a time; several may compute at once, each with its own. */
typedef struct detox_learner detox_learner;

typedef struct detox_learner_table {
  uint32_t interface; /* DETOX_LEARNER_INTERFACE */

  int (*make)(const detox_network_request* request, detox_learner** out, detox_sink error);
  void (*destroy)(detox_learner* learner);

  /* The layout stays as long as the learner. */
  void (*layout)(const detox_learner* learner, detox_model_layout* out);
  /* What the bits of a gradient depend on besides its inputs, in one line. */
  int (*profile)(const detox_learner* learner, detox_sink out, detox_sink error);
  /* Weights drawn from 32 bytes alone, or those of the network's file. */
  int (*initial_state)(detox_learner* learner, const unsigned char* key, float* parameters,
                       float* statistics, int64_t* counters, detox_sink error);
  /* The gradient of the mean loss, and the statistics after the pass. Equal inputs give equal bits,
   * whichever learner and whichever process computes them. count is at least 1. */
  int (*gradient)(detox_learner* learner, const float* parameters, const float* statistics,
                  const detox_batch* batch, float* gradient_out, float* statistics_out,
                  detox_batch_result* result, detox_sink error);
  int (*evaluate)(detox_learner* learner, const float* parameters, const float* statistics,
                  const int64_t* counters, const detox_batch* batch, detox_batch_result* result,
                  detox_sink error);

  /* The libraries that compute: lines "name<TAB>version and what is in force". */
  int (*libraries)(detox_sink out, detox_sink error);
  /* Fortran's sgemm_ of the BLAS that computes, for `detoxml doctor` to time; null for none. */
  void* (*sgemm)(void);
} detox_learner_table;

/* Exported by the module. */
const detox_learner_table* detox_learner_module(void);

#ifdef __cplusplus
}
#endif

#endif
