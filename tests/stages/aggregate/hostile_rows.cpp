#include "stages/aggregate/hostile_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace detox::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Row random_row(std::size_t d, double scale, Random& random) {
  Row row(d);
  for (double& value : row) value = scale * random.normal();
  return row;
}

Row moved(const Row& from, double by, const Row& direction) {
  Row row = from;
  for (std::size_t c = 0; c < row.size(); ++c) row[c] += by * direction[c];
  return row;
}

/// `many` of h rows at 1 (times a direction), the rest at 0.
Matrix two_clusters(std::size_t h, std::size_t many, const Row& direction) {
  Matrix rows(h, Row(direction.size(), 0.0));
  for (std::size_t i = 0; i < many; ++i) rows[i] = direction;
  return rows;
}

/// Unit vector of most variance, by powers of the covariance; the first axis where there is none.
Row principal_direction(const HonestRows& honest) {
  const std::size_t d = honest.mean.size();
  Row direction(d, 1 / std::sqrt(static_cast<double>(d)));
  direction[0] *= 1.5;
  for (int round = 0; round < 20; ++round) {
    Row next(d, 0.0);
    for (const Row& row : honest.rows) {
      double along = 0;
      for (std::size_t c = 0; c < d; ++c) along += (row[c] - honest.mean[c]) * direction[c];
      for (std::size_t c = 0; c < d; ++c) next[c] += along * (row[c] - honest.mean[c]);
    }
    double norm = 0;
    for (const double value : next) norm += value * value;
    if (norm == 0) break;
    for (std::size_t c = 0; c < d; ++c) direction[c] = next[c] / std::sqrt(norm);
  }
  return direction;
}

Row deviations(const HonestRows& honest) {
  Row deviation(honest.mean.size(), 0.0);
  for (std::size_t c = 0; c < deviation.size(); ++c) {
    for (const Row& row : honest.rows) deviation[c] += std::pow(row[c] - honest.mean[c], 2);
    deviation[c] = std::sqrt(deviation[c] / static_cast<double>(honest.rows.size() - 1));
  }
  return deviation;
}

class HostileSets {
 public:
  HostileSets(const HonestRows& honest, std::size_t f, std::uint64_t seed)
      : honest_(honest), f_(f), d_(honest.mean.size()), random_(seed) {}

  std::vector<NamedRows> all() {
    add_extremes();
    add_copies();
    add_colluding();
    for (const double scale : {0.1, 1.0, 3.0, 30.0, 1e4, 1e30}) {
      Matrix rows;
      for (std::size_t i = 0; i < f_; ++i) rows.push_back(random_row(d_, scale, random_));
      sets_.push_back({"random " + std::to_string(scale), rows});
    }
    return std::move(sets_);
  }

 private:
  void together(const std::string& name, const Row& row) {
    sets_.push_back({name, Matrix(f_, row)});
  }

  void add_extremes() {
    for (const double value : {kNan, kInfinity, -kInfinity, 1e30, -1e30, 1e150, 1e8})
      together(std::to_string(value), Row(d_, value));
    for (const double value : {kNan, kInfinity, 1e30}) {
      Row row = honest_.mean;
      row[d_ / 2] = value;
      together("one coordinate " + std::to_string(value), row);
    }
    Matrix graded, to_the_limit, opposed, mixed;
    for (std::size_t i = 0; i < f_; ++i) {
      graded.emplace_back(d_, std::pow(10, 30 - 9 * static_cast<int>(i)));
      to_the_limit.emplace_back(d_, std::pow(10, 144 - 31 * static_cast<int>(i)));
      opposed.emplace_back(d_, i % 2 == 0 ? 1e30 : -1e30);
      mixed.push_back(i % 2 == 0 ? Row(d_, kNan) : moved(honest_.mean, 3, deviations(honest_)));
    }
    sets_.push_back({"graded", graded});
    sets_.push_back({"graded up to the limit", to_the_limit});
    sets_.push_back({"opposed", opposed});
    sets_.push_back({"half of them NaN", mixed});
  }

  void add_copies() {
    const double spread = std::sqrt(honest_.variance);
    for (std::size_t i = 0; i < honest_.rows.size(); ++i) {
      together("copies of row " + std::to_string(i), honest_.rows[i]);
      Matrix near;
      for (std::size_t k = 0; k < f_; ++k)
        near.push_back(moved(honest_.rows[(i + k) % honest_.rows.size()], 1e-3 * spread,
                             random_row(d_, 1, random_)));
      sets_.push_back({"near copies from row " + std::to_string(i), near});
    }
  }

  /// All on one point, on both sides of the mean, from near it to far away.
  void add_colluding() {
    const Row deviation = deviations(honest_);
    Row unit = principal_direction(honest_);
    const double spread = std::sqrt(honest_.variance);
    for (const double z : {0.3, 0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0, 100.0, 1e4}) {
      for (const double sign : {1.0, -1.0}) {
        const std::string by = std::to_string(sign * z);
        together("a little " + by, moved(honest_.mean, sign * z, deviation));
        together("along the most variance " + by, moved(honest_.mean, sign * z * spread, unit));
      }
    }
    for (const double against : {-1.1, -2.0, -3.0, -11.0})
      together("against the mean", moved(honest_.mean, against, honest_.mean));
  }

  const HonestRows& honest_;
  std::size_t f_, d_;
  Random random_;
  std::vector<NamedRows> sets_;
};

bool is_finite(const Matrix& rows) {
  return std::ranges::all_of(rows, [](const Row& row) {
    return std::ranges::all_of(row, [](double value) { return std::isfinite(value); });
  });
}

/// Steps in units of the honest spread.
void climb(const HonestRows& honest, const Harm& harm, Found& found, std::size_t steps,
           Random& random) {
  const std::size_t d = honest.mean.size(), f = found.rows.size();
  const double unit = std::sqrt(honest.variance / static_cast<double>(d));
  double length = 0.5;
  for (std::size_t step = 0; step < steps; ++step) {
    Matrix next = found.rows;
    const std::size_t kind = random.below(4), one = random.below(f);
    Row direction = random_row(d, unit, random);
    if (kind == 1) {  // away from the mean, or towards it
      const double sign = random.below(2) == 0 ? 0.3 : -0.3;
      for (std::size_t c = 0; c < d; ++c)
        direction[c] = sign * (found.rows[one][c] - honest.mean[c]);
    }
    for (std::size_t i = 0; i < f; ++i) {
      if (kind <= 1 || i == one) next[i] = moved(next[i], length, direction);
    }
    if (kind == 3) next[one] = next[random.below(f)];
    const double gained = harm(next);
    if (gained > found.harm) {
      found.harm = gained;
      found.rows = next;
      length = std::min(length * 1.6, 8.0);
    } else {
      length = std::max(length * 0.93, 1e-3);
    }
  }
}

}  // namespace

std::vector<NamedRows> honest_sets(std::size_t h, std::size_t d, std::uint64_t seed) {
  Random random(seed);
  std::vector<NamedRows> sets;
  const Row ones(d, 1.0);
  Matrix isotropic, line, offset, outlier;
  for (std::size_t i = 0; i < h; ++i) {
    isotropic.push_back(random_row(d, 1, random));
    line.push_back(moved(Row(d, 0.0), random.normal(), ones));
    offset.push_back(moved(random_row(d, 1e-3, random), 1000, ones));
    outlier.push_back(random_row(d, i == h / 2 ? 1e4 : 0.5, random));
  }
  sets.push_back({"isotropic", isotropic});
  sets.push_back({"on a line", line});
  sets.push_back({"close together and far away", offset});
  sets.push_back({"with an outlier", outlier});
  sets.push_back({"equal", Matrix(h, random_row(d, 1, random))});
  for (std::size_t many = 1; many < h; many += 1 + h / 8)
    sets.push_back({std::to_string(many) + " away from the rest", two_clusters(h, many, ones)});
  if (d > 1) {
    // Every row off in a direction of its own, as far as there are directions.
    Matrix simplex(h, Row(d, 0.0));
    for (std::size_t i = 0; i < h; ++i) simplex[i][i % d] = i / d % 2 == 0 ? 1 : -1;
    sets.push_back({"corners", simplex});
  }
  return sets;
}

std::vector<NamedRows> hostile_sets(const HonestRows& honest, std::size_t f, std::uint64_t seed) {
  return HostileSets(honest, f, seed).all();
}

Found search_hostile_rows(const HonestRows& honest, std::size_t f, const Harm& harm,
                          std::size_t climbs, std::uint64_t seed) {
  std::vector<Found> found;
  for (const NamedRows& set : hostile_sets(honest, f, seed))
    found.push_back({set.name, set.rows, harm(set.rows)});
  std::ranges::sort(found, [](const Found& a, const Found& b) { return a.harm > b.harm; });
  Random random(seed);
  Found worst = found.front();
  std::size_t starts = 0;
  for (Found& start : found) {
    if (honest.variance == 0 || starts == 2) break;
    if (!is_finite(start.rows)) continue;
    ++starts;
    climb(honest, harm, start, climbs, random);
    if (start.harm > worst.harm) worst = start;
  }
  return worst;
}

}  // namespace detox::test
