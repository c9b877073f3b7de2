/* The same from C: create, describe, aggregate, error text. */
#include <detox/detox.h>
#include <stdio.h>

enum { kRows = 7, kCoordinates = 4 };

int main(void) {
  float gradients[kRows][kCoordinates];
  const float* rows[kRows];
  for (int row = 0; row < kRows; ++row) {
    for (int i = 0; i < kCoordinates; ++i)
      gradients[row][i] = row == 0 ? -1e30F : 1.0F + 0.01F * (float)row;
    rows[row] = gradients[row];
  }

  detox_aggregator* rule = detox_create("multi-krum", "f=1 pre=nnm", 1);
  if (rule == NULL) {
    fprintf(stderr, "%s\n", detox_error());
    return 1;
  }
  float result[kCoordinates];
  if (detox_aggregate_float(rule, rows, kRows, kCoordinates, 0, result) != 0) {
    fprintf(stderr, "%s\n", detox_error());
    return 1;
  }
  printf("detoxml %s, %s: %g\n", detox_version(), detox_describe(rule), (double)result[0]);
  if (detox_aggregate_float(rule, rows, 3, kCoordinates, 0, result) != 0)
    printf("three rows: %s\n", detox_error());
  detox_destroy(rule);
  if (detox_create("multi-crumb", "", 1) == NULL) printf("%s\n", detox_error());
  return 0;
}
