// What a detox_aggregator is.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "detox/aggregator.hpp"

struct detox_aggregator {
  std::unique_ptr<detox::Aggregator> rule;
  std::unique_ptr<detox::ThreadPool> pool;
  detox::Workspace workspace;
  detox::Key key;
  std::vector<double> weights;
  std::string requirement, description;
  // Of the last call that asked for a report.
  detox::AggregationReport report;
  std::vector<std::size_t> rejected;
  std::vector<const char*> reasons;
};
