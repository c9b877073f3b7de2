/* A rule of one's own from C is a function: here the least value of each coordinate, when the f
   least are left out. */
#include <detox/detox.h>
#include <stdio.h>

enum { kRows = 5, kCoordinates = 3 };

static size_t twice_and_one(size_t f) { return 2 * f + 1; }

/* The value that exactly f others are below, ties by the order of the rows. */
static int least_but_f(const float* const* rows, size_t n, size_t d, size_t f, float* out,
                       void* data) {
  (void)data;
  for (size_t i = 0; i < d; ++i) {
    for (size_t row = 0; row < n; ++row) {
      size_t below = 0;
      for (size_t other = 0; other < n; ++other) {
        below += rows[other][i] < rows[row][i] || (rows[other][i] == rows[row][i] && other < row);
      }
      if (below == f) out[i] = rows[row][i];
    }
  }
  return 0;
}

int main(void) {
  float gradients[kRows][kCoordinates];
  const float* rows[kRows];
  for (int row = 0; row < kRows; ++row) {
    for (int i = 0; i < kCoordinates; ++i)
      gradients[row][i] = row == 0 ? -1e30F : 1.0F + 0.25F * (float)row;
    rows[row] = gradients[row];
  }

  detox_function_rule mine = {0};
  mine.name = "least-but-f";
  mine.requirement = "n >= 2f + 1";
  mine.min_rows = twice_and_one;
  mine.reduce_float = least_but_f;
  detox_aggregator* rules[] = {detox_create("median", "f=1", 1),
                               detox_create_from_function(&mine, "f=1", 1)};
  for (int rule = 0; rule < 2; ++rule) {
    float result[kCoordinates];
    if (rules[rule] == NULL ||
        detox_aggregate_float(rules[rule], rows, kRows, kCoordinates, 0, result) != 0) {
      fprintf(stderr, "%s\n", detox_error());
      return 1;
    }
    printf("%s: %g\n", detox_describe(rules[rule]), (double)result[0]);
  }
  if (detox_aggregate_float(rules[1], rows, 2, kCoordinates, 0, gradients[0]) != 0)
    printf("%s\n", detox_error());
  detox_destroy(rules[0]);
  detox_destroy(rules[1]);
  return 0;
}
