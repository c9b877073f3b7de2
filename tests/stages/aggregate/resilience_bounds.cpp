// The derivations are in docs/resilience.md. h = n - f is the number of honest rows.
#include "stages/aggregate/resilience_bounds.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace detox::test {
namespace {

double number(std::size_t value) { return static_cast<double>(value); }

double squared(double value) { return value * value; }

double aksel(std::size_t n, std::size_t f) {
  const std::size_t h = n - f, a = (n + 1) / 2;
  const double of_median = number(n / 2) / number(a - f);
  double root = 0;
  for (std::size_t b = 0; b <= std::min(f, a); ++b) {
    const double left = number(h - a + b);
    double sum = std::sqrt(number(a - b) * left);
    if (b > 0) sum += number(b) * (std::sqrt(number(h) / left) + 2 * std::sqrt(of_median));
    root = std::max(root, sum / number(a));
  }
  return squared(root);
}

double bulyan(std::size_t n, std::size_t f) {
  const double h = number(n - f), kept = number(n - 4 * f), above = number((n + 1) / 2 - 2 * f);
  return h * (kept + 4 * number(f) + 4 * squared(number(f)) / above) / squared(kept) - 1;
}

double bulyan_detox(std::size_t n, std::size_t f) {
  return number(2 * f + 2) / number(n - 3 * f - 2);
}

double caf(std::size_t n, std::size_t f) {
  const double left = number(n - 2 * f);
  const double growth = std::sqrt(2 * number(n - f) / left);
  return number(f) / left * squared(1 + (1 + std::sqrt(2.0)) * growth);
}

double coord_median(std::size_t n, std::size_t f) {
  return number(n / 2) / number((n + 1) / 2 - f);
}

double faba(std::size_t n, std::size_t f) {
  const double h = number(n - f), hostile = number(f), gamma = number(n) / number(n - 2 * f);
  return (squared(1 + hostile * gamma) + hostile - 1 - squared(hostile * (1 + gamma)) / h) / h;
}

double geometric_median(std::size_t n, std::size_t f) {
  return 4 * squared(number(n - f) / number(n - 2 * f));
}

double krum(std::size_t n, std::size_t f) {
  const double h = number(n - f), q = number(n - 2 * f - 1);
  return squared(std::sqrt(2 * h * (h - 2) / ((h - 1) * q)) + std::sqrt(number(f + 1) / q));
}

double mda(std::size_t n, std::size_t f) {
  return squared(number(f) * std::sqrt(2 / number(n - f)) +
                 std::sqrt(number(f) / number(n - 2 * f)));
}

double meamed(std::size_t n, std::size_t f) {
  const std::size_t half = (n + 1) / 2;
  return 4 * number(f) * number(half) / (number(n - f) * number(half - f));
}

double monna(std::size_t n, std::size_t f) { return 4 * number(f * (f + 1)) / number(n - f); }

double multi_krum(std::size_t n, std::size_t f) { return multi_krum_kappa(n, f, n - f - 2); }

double phocas(std::size_t n, std::size_t f) { return 4 * number(f) / number(n - 2 * f); }

double smea(std::size_t n, std::size_t f) { return 4 * number(f) / number(n - 2 * f); }

double trimmed_mean(std::size_t n, std::size_t f) { return number(f) / number(n - 2 * f); }

double norm(const Row& row) {
  double sum = 0;
  for (const double value : row) sum += value * value;
  return std::sqrt(sum);
}

double of_cge(const HonestRows& honest, const RuleOptions& options) {
  return 2 * number(options.f) / number(honest.rows.size()) * honest.greatest_norm;
}

/// Holds where no honest row is longer than half the radius.
double of_centered_clipping(const HonestRows& honest, const RuleOptions& options) {
  const double share = number(options.f) / number(honest.rows.size() + options.f);
  const double rounds = number(options.clip_rounds);
  return std::pow(share, rounds) * norm(honest.mean) + rounds * share * options.clip_radius;
}

constexpr std::array<Resilience, 20> kTable = {{
    {"aksel", "", aksel, nullptr, 0.9},
    {"bulyan", "", bulyan, nullptr, 0.75},
    {"bulyan", "--bulyan-variant detox", bulyan_detox, nullptr, 0.99},
    {"caf", "", caf, nullptr, 0.25},
    {"centered-clipping", "", nullptr, of_centered_clipping, 0.9},
    {"cge", "", nullptr, of_cge, 0.9},
    {"coord-median", "", coord_median, nullptr, 0.99},
    {"dnc", "", nullptr, nullptr, 0},
    {"faba", "", faba, nullptr, 0.99},
    {"geometric-median", "", geometric_median, nullptr, 0.45},
    {"krum", "", krum, nullptr, 0.85},
    {"mda", "", mda, nullptr, 0.99},
    {"meamed", "", meamed, nullptr, 0.99},
    {"monna", "", monna, nullptr, 0.99},
    {"multi-krum", "", multi_krum, nullptr, 0.8},
    {"normal", "", nullptr, nullptr, 0},
    {"phocas", "", phocas, nullptr, 0.99},
    {"signSGD", "", nullptr, nullptr, 0},
    {"smea", "", smea, nullptr, 0.99},
    {"trimmed-mean", "", trimmed_mean, nullptr, 0.99},
}};

}  // namespace

HonestRows::HonestRows(Matrix honest) : rows(std::move(honest)), mean(rows[0].size(), 0.0) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    for (const Row& row : rows) mean[c] += row[c] / number(rows.size());
  }
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < mean.size(); ++c)
      variance += squared(row[c] - mean[c]) / number(rows.size());
    greatest_norm = std::max(greatest_norm, norm(row));
  }
}

std::span<const Resilience> resilience_table() { return kTable; }

double multi_krum_kappa(std::size_t n, std::size_t f, std::size_t m) {
  const double h = number(n - f), q = number(n - 2 * f - 1), taken = number(m);
  const double hostile = number(std::min(f, m));
  const double score = 2 * h * (h - 2) / (h - 1);
  return squared(std::sqrt(h * (1 + hostile / q) / taken - 1) +
                 hostile / taken * std::sqrt(h * score / ((h - taken + hostile) * q)));
}

double kappa_behind_nnm(double kappa, std::size_t n, std::size_t f) {
  return 8 * number(f) / number(n - f) * (kappa + 1);
}

}  // namespace detox::test
