// A picture of a data set: some samples of each class, one row a class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/dataset.hpp"

namespace detox {

constexpr std::size_t kSheetColumns = 10, kMostSheetRows = 20, kSheetGap = 2;

/// Samples of a sheet's cells: the first kSheetColumns of every class in the order of the data set,
/// of the first kMostSheetRows classes. A row is shorter where a class has fewer.
std::vector<std::vector<std::size_t>> samples_of_sheet(const Dataset& data);

/// Writes them as a PNG file, grey or colour as the data set is, with a gap of 2 white pixels
/// around each. Pixels are those of the files. InputError where it cannot be written, or where the
/// images have neither one nor three channels.
void write_contact_sheet(const Dataset& data, const std::filesystem::path& file);

}  // namespace detox
