// The other stages: assign, attack, compress, bucket, vote, optimize.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/samples.hpp"
#include "stages/assign/placement.hpp"
#include "stages/assign/slice_schedule.hpp"
#include "stages/attack/attack_scene.hpp"
#include "stages/attack/fail_schedule.hpp"
#include "stages/bucket/hierarchy.hpp"
#include "stages/compress/codec.hpp"
#include "stages/digests/recorded.hpp"
#include "stages/optimize/lr_schedule.hpp"
#include "stages/optimize/sgd.hpp"
#include "stages/vote/slice_vote.hpp"

namespace detox {
namespace {

using test::Fold;

constexpr FailSchedule kSchedules[] = {FailSchedule::kPerStep, FailSchedule::kFixed,
                                       FailSchedule::kWorstCase};

void fold_assignment(const Assignment& assignment, Fold& fold) {
  for (const auto& slices : assignment.slices_of_worker) fold << slices;
  for (const auto& workers : assignment.workers_of_slice) fold << workers;
}

void add_assign(test::Lines& lines) {
  const Key key = key_from_seed(3);
  lines.add("placement", [&](Fold& fold) {
    for (const std::size_t workers : {1U, 9U, 45U, 100U}) {
      const std::size_t slices = (workers + 2) / 3;
      const Seating seating{workers, slices, std::min<std::size_t>(workers, 3 + workers % 2)};
      fold_assignment(fixed_placement(seating), fold);
      for (std::uint64_t step = 1; step < 20; ++step) {
        Assignment assignment = random_placement(seating, key, step);
        fold_assignment(assignment, fold);
        draw_order(assignment, key, step);
        fold_assignment(assignment, fold);
        for (const FailSchedule schedule : kSchedules) {
          const std::vector<bool> byzantine =
              byzantine_workers(schedule, workers / 4, assignment, key, step);
          fold << std::vector<std::uint8_t>(byzantine.begin(), byzantine.end())
               << owned_slices(assignment, byzantine);
        }
      }
    }
  });
  lines.add("slices", [&](Fold& fold) {
    SliceSchedule schedule(1003, 7, 40, key);
    for (std::uint64_t step = 1; step < 60; ++step) {
      schedule.begin_step(step);
      for (std::size_t slice = 0; slice < 7; ++slice) {
        const auto samples = schedule.samples(slice);
        fold << std::vector<std::uint32_t>(samples.begin(), samples.end());
      }
    }
  });
}

/// Attack options with other numbers than usual.
std::vector<AttackOptions> attack_options(const AttackInfo& attack) {
  std::vector<AttackOptions> all(1);
  if (attack.parameter) {
    all[0].adversarial = attack.parameter->standard;
    for (const double c : {0.3, -2.5, 2.0}) {
      if (takes_parameter(*attack.parameter, c, 5)) all.push_back({.adversarial = c, .alie_z = {}});
    }
  }
  if (reads_option(attack, "alie-z")) {
    all.push_back({.alie_z = 0.7});
    all.push_back({.alie_z = {}, .alie_sign = 1, .alie_ddof = 0});
  }
  return all;
}

void add_attacks(test::Lines& lines) {
  for (const AttackInfo& attack : attacks()) {
    lines.add(fmt::format("attack {}", attack.name), [&](Fold& fold) {
      for (const std::size_t d : {1U, 17U, 5000U}) {
        AttackScene scene{.honest = honest_rows(5, d, 0.1F, 3), .step = d, .slice = 2, .rows = 5};
        for (const AttackOptions& options : attack_options(attack))
          fold << scene.run(attack.name, options, 2);
        // Values that are infinite or nearly so, and what attacks make of them.
        auto bits = test::bits_sample<float>(5, d, d);
        scene.honest = bits.values;
        for (const AttackOptions& options : attack_options(attack))
          fold.numbers(scene.run(attack.name, options));
      }
    });
  }
}

void add_compress(test::Lines& lines) {
  for (const CodecInfo& info : codecs()) {
    lines.add(fmt::format("codec {}", info.name), [&](Fold& fold) {
      const auto codec = info.make();
      for (const std::size_t d : {1U, 8U, 17U, 1000U}) {
        const auto sample = test::bits_sample<float>(2, d, d);
        for (std::uint64_t step = 0; step < 2; ++step) {
          std::vector<std::byte> bytes(codec->encoded_bytes(d));
          codec->encode(sample.values[step], step, bytes);
          std::vector<float> values(d);
          codec->decode(bytes, values);
          fold << bytes << values;
        }
      }
    });
  }
}

void add_bucket(test::Lines& lines) {
  for (const char* inner : {"normal", "coord-median", "multi-krum"}) {
    for (const char* outer : {"coord-median", "geometric-median", "signSGD"}) {
      lines.add(fmt::format("buckets {} {}", inner, outer), [&](Fold& fold) {
        for (const std::size_t buckets : {0U, 3U}) {
          const Hierarchy hierarchy({.inner_rule = &find_rule(inner),
                                     .outer_rule = &find_rule(outer),
                                     .buckets = buckets,
                                     .f_eff = 1});
          if (!hierarchy.unmet_requirement(17).empty()) continue;
          ThreadPool pool(2);
          Workspace workspace;
          for (auto& make : {test::normal_sample<float>, test::bits_sample<float>}) {
            auto sample = make(17, 400, buckets);
            AggregationContext context{.pool = pool, .workspace = workspace, .step = 9};
            std::vector<float> out(400);
            hierarchy.aggregate(sample.rows(), key_from_seed(11), out, context);
            fold << out;
          }
        }
      });
    }
  }
}

void add_vote(test::Lines& lines) {
  lines.add("votes", [](Fold& fold) {
    test::Random random(1);
    const char* answers[] = {"a", "b", "c"};
    for (int ballot = 0; ballot < 300; ++ballot) {
      std::vector<std::uint32_t> assigned;
      for (std::uint32_t worker = 0; worker < 1 + random.below(9); ++worker)
        assigned.push_back(worker);
      SliceVote vote(assigned);
      for (int event = 0; event < 15; ++event) {
        const auto worker = static_cast<std::uint32_t>(random.below(10));
        const std::string_view answer = answers[random.below(3)];
        if (random.below(5) == 0) {
          vote.give_up(worker);
        } else {
          fold << static_cast<int>(vote.add(worker, std::as_bytes(std::span(answer))));
        }
        fold << static_cast<int>(vote.state()) << vote.missing();
      }
      if (vote.state() == SliceVote::State::kResolved) fold << vote.outvoted();
    }
  });
}

void add_optimize(test::Lines& lines) {
  lines.add("learning rates", [](Fold& fold) {
    for (const LrShape shape : {LrShape::kConstant, LrShape::kStep, LrShape::kCosine}) {
      const LrSchedule schedule{
          .shape = shape, .base = 0.1, .warmup_steps = 7, .step_size = 13, .total_steps = 300};
      for (std::uint64_t step = 1; step <= 300; ++step) fold << schedule.at(step);
    }
  });
  lines.add("weights", [](Fold& fold) {
    for (const std::size_t d : {1U, 17U, 3000U}) {
      for (const bool nesterov : {false, true}) {
        auto sample = test::normal_sample<float>(5, d, d);
        std::vector<float> weights = sample.values[0], velocity(d);
        ThreadPool pool(2);
        const SgdOptions options{.lr = 0.03, .weight_decay = 1e-4, .nesterov = nesterov};
        for (std::size_t k = 1; k < 5; ++k) {
          for (std::size_t c = k; c < d; c += 50) sample.values[k][c] *= 1e-42F;  // denormal
          fold << sgd_step(options, sample.values[k], weights, velocity, pool);
          fold << weights << velocity;
        }
      }
    }
  });
}

TEST(DigestsOfStages, AreThoseThatX86Wrote) {
  test::expect_recorded("stages", [](test::Lines& lines) {
    add_assign(lines);
    add_attacks(lines);
    add_compress(lines);
    add_bucket(lines);
    add_vote(lines);
    add_optimize(lines);
  });
}

}  // namespace
}  // namespace detox
