// What lies of a data set on this machine, and whether it is the published one.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "prepare/recipes.hpp"

namespace detox {

struct Inspection {
  struct File {
    std::filesystem::path path;
    std::string problem;  ///< what is wrong, opening with the path; empty: as published
  };
  /// Where the contents lie; empty where nothing does.
  std::filesystem::path folder;
  std::vector<File> files;           ///< contents that are there, then an archive that is there
  std::vector<std::string> missing;  ///< names of contents
  std::filesystem::path archive;     ///< where one lies that is as published; or empty

  bool is_there() const { return !files.empty(); }
  std::vector<std::string> problems() const;
  /// Nothing wrong, and nothing missing: readers can do with the archive alone.
  bool is_complete() const;
};

/// The contents of `recipe`, plain or gzipped, from the first of `folders` that holds them all
/// (within it in the folder of the archive, then directly), else from the first that holds some;
/// and the archive that they come from. Every file is read whole. A synthetic set is compared with
/// what its SYNTHETIC.txt says. Throws nothing about the files: what is unreadable is a problem.
Inspection inspect(const Recipe& recipe, std::span<const std::filesystem::path> folders);

}  // namespace detox
