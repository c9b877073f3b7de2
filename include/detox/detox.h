/* The rules for other languages: create, describe, aggregate, error text. Plain C.

   A function that fails returns NULL or a number other than 0, and detox_error() says why, in one
   line; nothing throws. An aggregator may be used by one thread at a time; different ones by
   different threads. */
#ifndef DETOX_DETOX_H
#define DETOX_DETOX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct detox_aggregator detox_aggregator;

/* "0.1.0" */
const char* detox_version(void);

/* Why the last call of this thread that failed did so; "" before the first. Valid until the
   thread's next call. */
const char* detox_error(void);

/* The registry's rules, in the order of their names: how many, and the name, requirement ("n >= 2f
   + 1") and paper of one. NULL where there is none of that number. */
size_t detox_rule_count(void);
const char* detox_rule_name(size_t rule);
const char* detox_rule_requirement(size_t rule);
const char* detox_rule_paper(size_t rule);

/* An aggregator by the rule's name or alias. options: words KEY=VALUE with blanks between them, as
   the options of `detoxml aggregate` and with its values: "f=5 pre=nnm,bucketing:s=2
   krum-select=3"; also bulyan-variant, tolerance, reference-row, clip-radius, clip-rounds,
   semantics, weight-cap (docs/rules.md), and seed, of which bucketing and dnc draw. NULL or "" is
   f=0. threads: 0 is one a core. NULL on error: an unknown name, an option that cannot be. */
detox_aggregator* detox_create(const char* rule, const char* options, size_t threads);

/* A rule of yours that runs beside ours: the same checks of shapes and options, the same steps
   before it. The functions set out (d) from n rows of d values, n at least 1 and min_rows(f), and
   return 0, or another number where they cannot; one of them may be NULL, and rows of that kind are
   then refused. min_rows and requirement ("n >= 2f + 1", for messages) may both be NULL: n >= 1.
   The texts are copied, data is handed on. */
typedef struct detox_function_rule {
  const char* name;
  const char* requirement;
  size_t (*min_rows)(size_t f);
  int (*reduce_float)(const float* const* rows, size_t n, size_t d, size_t f, float* out,
                      void* data);
  int (*reduce_double)(const double* const* rows, size_t n, size_t d, size_t f, double* out,
                       void* data);
  void* data;
} detox_function_rule;

/* As detox_create, of such a rule. */
detox_aggregator* detox_create_from_function(const detox_function_rule* rule, const char* options,
                                             size_t threads);

void detox_destroy(detox_aggregator* aggregator); /* NULL is nothing to destroy */

/* One line: the rule, what it needs, its options. Valid as long as the aggregator. */
const char* detox_describe(const detox_aggregator* aggregator);

/* out (d), which no row may overlap, = the rule over n rows of d values each. 0; 2 where n breaks
   the requirement or a pointer is NULL; 1 for anything else. The result depends on rows, options
   and step alone; a NaN in it is 0x7fc00000, in doubles 0x7ff8000000000000. Allocates only in the
   first call of a shape, and for the random streams of bucketing and dnc. */
int detox_aggregate_float(detox_aggregator* aggregator, const float* const* rows, size_t n,
                          size_t d, uint64_t step, float* out);
int detox_aggregate_double(detox_aggregator* aggregator, const double* const* rows, size_t n,
                           size_t d, uint64_t step, double* out);

/* What each of the n rows counts for in the calls that follow, copied: numbers of at least 0, none
   counted for more than weight-cap / n (default 2 / n) of their sum. NULL or n = 0: all the same,
   as at first. For some rules, and a call refuses weights that cannot be (docs/rules.md). 0; 2
   where the aggregator is NULL. */
int detox_set_weights(detox_aggregator* aggregator, const double* weights, size_t n);

#ifdef __cplusplus
}
#endif

#endif
