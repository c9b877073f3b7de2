/* The same in C, where one function will do: here the mean of all rows, which survives nobody.

     cc -O2 -shared -fPIC -Iinclude -o mean.so examples/library/rule_module_from_c.c
     detoxml train --mode ./mean.so */
#include <detox/rule_module.h>

static int mean(const float* const* rows, size_t n, size_t d, size_t f, float* out, void* data) {
  (void)f, (void)data;
  for (size_t i = 0; i < d; ++i) {
    double sum = 0;
    for (size_t row = 0; row < n; ++row) sum += rows[row][i];
    out[i] = (float)(sum / (double)n);
  }
  return 0;
}

DETOX_RULE_MODULE(.name = "my-mean", .reduce_float = mean);
