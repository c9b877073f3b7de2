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

/* The number of the rule with this name or alias; detox_rule_count() on error. */
size_t detox_find_rule(const char* name);
/* Whether it takes weights of rows; whether it draws at random, by seed and step. 1 or 0, which it
   is where there is no rule of that number. */
int detox_rule_takes_weights(size_t rule);
int detox_rule_draws(size_t rule);

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

/* What its rule needs: "n >= 2f + 3", or less in the semantics of others. Valid as long as the
   aggregator. */
const char* detox_requirement(const detox_aggregator* aggregator);

/* "" where n rows will do for the aggregator's rule, steps and options; else why not, as a call
   with them would say it. Valid until the thread's next call. NULL where the aggregator is NULL. */
const char* detox_unmet(const detox_aggregator* aggregator, size_t n);

/* What a rule found out about the rows of a call. A view, valid until the aggregator's next call
   and as long as it lives. Rows are numbers from 0, ascending. */
typedef struct detox_report {
  size_t size; /* sizeof(detox_report), set by the caller */
  size_t selected_count, score_count, weight_count, rejected_count;
  const size_t* selected;     /* rows that the result is made of; none: all, by coordinate */
  const double* scores;       /* one a row, higher is more suspect; none where the rule has none */
  const double* weights;      /* one a row, of rules that weigh rows; else none */
  const size_t* rejected;     /* rows that the result is not made of, */
  const char* const* reasons; /* and why, one a rejected row */
} detox_report;

/* What values are. Of 16 bits (the first half of a float, and IEEE's half): the result is that of
   the rows as floats, rounded once, to nearest and even; rows are widened a few columns at a time,
   so a call takes 4 d bytes of scratch memory more, and a NaN in the result is 0x7fc0, or 0x7e00 of
   IEEE's. A rule of yours refuses them. */
enum { DETOX_FLOAT32 = 0, DETOX_FLOAT64 = 1, DETOX_BFLOAT16 = 2, DETOX_FLOAT16 = 3 };

/* A call with all that it may be told. Zeros are the defaults of what is not named here. */
typedef struct detox_call {
  size_t size;             /* sizeof(detox_call) */
  int type;                /* of the values of rows and out */
  const void* const* rows; /* n pointers to d values each */
  size_t n, d;
  uint64_t step;
  void* out;             /* d values, which no row may overlap */
  const double* weights; /* n, in place of those of detox_set_weights; NULL: those */
  detox_report* report;  /* is set where it is not NULL, which costs memory and time */
} detox_call;

/* As detox_aggregate_float. */
int detox_aggregate(detox_aggregator* aggregator, const detox_call* call);

/* What each of the n rows counts for in the calls that follow, copied: numbers of at least 0, none
   counted for more than weight-cap / n (default 2 / n) of their sum. NULL or n = 0: all the same,
   as at first. For some rules, and a call refuses weights that cannot be (docs/rules.md). 0; 2
   where the aggregator is NULL. */
int detox_set_weights(detox_aggregator* aggregator, const double* weights, size_t n);

/* The steps before a rule by themselves: n rows -> n' points, which a rule would see. By one thread
   at a time. */
typedef struct detox_pre detox_pre;

/* steps as in the option pre: "nnm,bucketing:s=2"; "none" leaves rows as they are. seed: what
   bucketing draws of. NULL on error. */
detox_pre* detox_create_pre(const char* steps, size_t f, uint64_t seed, size_t threads);
void detox_destroy_pre(detox_pre* pre);

/* n' for n rows, at least 1; 0 on error: where n breaks a step's requirement. */
size_t detox_pre_points(const detox_pre* pre, size_t n);

/* out (n', d), one point behind the other, = the points. call's weights and report are NULL.
   Returns as detox_aggregate_float. */
int detox_apply_pre(detox_pre* pre, const detox_call* call);

/* digest = SHA-256 of so many bytes. 0; 2 where a pointer is NULL. */
int detox_digest(const void* bytes, size_t size, unsigned char digest[32]);

/* A vote of n workers by the bytes of their answers, n at most 65535; a NULL answer is a missing
   one. winner = the first of those answers, from 0, that more than half of the n workers gave; n
   where there is none. agrees (n) = 1 for those who gave it, 0 for the others. 0; 2 where a pointer
   is NULL or there are too many. */
int detox_vote(const void* const* answers, const size_t* sizes, size_t n, size_t* winner,
               unsigned char* agrees);

/* The simulated attacks of `detoxml train` (docs/attacks.md), in the order of their names: how
   many, and of one its name, a line about it, its paper ("" where there is none) and what
   colluders need to know for it: "nothing", "gradients of their own", "honest gradients", "honest
   gradients and the defence". NULL where there is none of that number. */
size_t detox_attack_count(void);
const char* detox_attack_name(size_t attack);
const char* detox_attack_summary(size_t attack);
const char* detox_attack_paper(size_t attack);
const char* detox_attack_needs(size_t attack);
/* "" where detox_create_attack makes it; else why gradients alone are not enough for it. */
const char* detox_attack_unavailable(size_t attack);
/* What its number c is to it ("factor"), and c unless told otherwise; "" and 0 where it reads none.
 */
const char* detox_attack_parameter(size_t attack);
double detox_attack_standard(size_t attack);

/* The number of the attack with this name; detox_attack_count() on error. */
size_t detox_find_attack(const char* name);

/* An attack of which gradients are enough. By one thread at a time. */
typedef struct detox_attack detox_attack;

/* options: words KEY=VALUE with blanks between them, as the options of `detoxml train` and with its
   values: adversarial (c), alie-z, alie-sign, alie-ddof, of those that the attack reads, and seed:
   the attackers of a run with this seed draw the same. NULL on error. */
detox_attack* detox_create_attack(const char* name, const char* options, size_t threads);
void detox_destroy_attack(detox_attack* attack);

/* What colluders know in one step, and where goes what they send. Zeros are the defaults. */
typedef struct detox_attack_call {
  size_t size;               /* sizeof(detox_attack_call) */
  int type;                  /* DETOX_FLOAT32, in which attackers send */
  const void* const* honest; /* h pointers to d values each: honest gradients, one a slice */
  size_t h, d;
  size_t m; /* rows that reach the rule from the colluders, */
  /* in the places of these m of the h, ascending. NULL: behind the h honest rows; where the attack
     needs gradients of its own, the last m of the h. */
  const uint32_t* owned;
  size_t n; /* rows that reach the rule; 0: h, and m more where they are behind these */
  uint64_t step;
  detox_aggregator* defence; /* which they try out, where the attack needs that; else not read */
  void* out;                 /* detox_attack_rows() of d values each, which no row may overlap */
} detox_attack_call;

/* How many rows m colluders send that differ: 1 where all send the same, else m. */
size_t detox_attack_rows(const detox_attack* attack, size_t m);

/* Returns as detox_aggregate_float. out depends on the call, options and seed alone. */
int detox_apply_attack(detox_attack* attack, const detox_attack_call* call);

#ifdef __cplusplus
}
#endif

#endif
