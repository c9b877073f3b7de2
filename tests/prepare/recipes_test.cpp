#include "prepare/recipes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/dataset.hpp"
#include "base/digest.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

TEST(Recipes, AreSortedAndFoundWhateverTheSpelling) {
  const auto all = recipes();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  EXPECT_EQ(find_recipe("cifar-10").name, "Cifar10");
  EXPECT_EQ(find_recipe("fashion_mnist").name, "FashionMNIST");
}

TEST(Recipes, AreThereForEveryDataSetThatIsRegistered) {
  std::vector<std::string_view> prepared, registered;
  for (const Recipe& recipe : recipes()) prepared.push_back(recipe.name);
  for (const DatasetInfo& info : datasets()) registered.push_back(info.name);
  EXPECT_EQ(prepared, registered);
}

TEST(Recipes, AnswerAnUnknownNameWithTheNearestAndAll) {
  const std::string message = message_of<UsageError>([] { find_recipe("cifra10"); });
  EXPECT_THAT(message, testing::HasSubstr("did you mean Cifar10?"));
  EXPECT_THAT(message, testing::HasSubstr("synthetic-cifar100"));
}

TEST(Recipes, HaveAChecksumOfTheRightLengthForEveryFileAndNoneTwice) {
  std::set<std::string_view> seen;
  for (const Recipe& recipe : recipes()) {
    for (const auto& files : {recipe.downloads, recipe.contents}) {
      for (const PublishedFile& file : files) {
        EXPECT_EQ(bytes_from_hex(file.sha256).size(), 32U) << file.name;
        EXPECT_EQ(bytes_from_hex(file.md5).size(), 16U) << file.name;
        EXPECT_GT(file.bytes, 4000U) << file.name;
        if (files.data() == recipe.downloads.data() ||
            recipe.downloads.data() != recipe.contents.data()) {
          EXPECT_TRUE(recipe.name == "SVHN" || seen.insert(file.sha256).second) << file.name;
        }
      }
    }
  }
}

TEST(Recipes, ComeFromSecurePlacesFirst) {
  for (const Recipe& recipe : recipes()) {
    EXPECT_EQ(recipe.bases.empty(), recipe.is_synthetic());
    if (recipe.is_synthetic()) continue;
    EXPECT_TRUE(recipe.bases.front().starts_with("https://"));
    for (const std::string_view base : recipe.bases) EXPECT_TRUE(base.ends_with("/")) << base;
  }
}

TEST(Recipes, HaveWholeRecordsInTheFilesOfCifar) {
  for (const PublishedFile& file : find_recipe("Cifar10").contents)
    EXPECT_EQ(file.bytes, 10'000U * 3073U);
  EXPECT_EQ(find_recipe("Cifar100").contents[0].bytes, 10'000U * 3074U);
  EXPECT_EQ(find_recipe("Cifar100").contents[1].bytes, 50'000U * 3074U);
}

}  // namespace
}  // namespace detox
