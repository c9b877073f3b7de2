// The page around the data: nothing that the data say gets out of their element.
#include "report/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/digest.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// What stands between the tags of the element with these attributes.
std::vector<std::string> contents_of(const std::string& page, const std::string& tag) {
  std::vector<std::string> found;
  const std::string open = "<" + tag, close = "</" + tag + ">";
  for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at + 1)) {
    const std::size_t begin = page.find('>', at) + 1;
    found.push_back(page.substr(begin, page.find(close, begin) - begin));
  }
  return found;
}

TEST(Page, KeepsHostileTextInsideItsData) {
  const std::string separators = "\xE2\x80\xA8\xE2\x80\xA9";
  const Json data = {{"runs", {"</script><script>alert(1)</script>", "<!--<script>", separators}}};
  const std::string text = data_text(data);
  EXPECT_THAT(text, Not(HasSubstr("<")));
  for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~');
  EXPECT_EQ(Json::parse(text), data);
}

TEST(Page, ReplacesWhatIsNoUtf8AndHasNoNumberThatIsNone) {
  const Json data = {{"name", "\xff\xfe"}, {"loss", std::numeric_limits<double>::quiet_NaN()}};
  const Json read = Json::parse(data_text(data));
  EXPECT_EQ(read["name"], "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_TRUE(read["loss"].is_null());
}

TEST(Page, AllowsItsOwnScriptsAlone) {
  const Json data = {{"runs", {"</script><script>alert(1)</script>"}}};
  const std::string page = page_of(data);
  const std::vector<std::string> scripts = contents_of(page, "script");
  ASSERT_EQ(scripts.size(), 3U) << "data, library, script";
  EXPECT_EQ(Json::parse(scripts[0]), data);
  for (const std::string& script : {scripts[1], scripts[2]})
    EXPECT_THAT(page, HasSubstr("'sha256-" + base64(DigestBuilder().add(script).finish()) + "'"));
  ASSERT_EQ(contents_of(page, "style").size(), 1U);
  EXPECT_THAT(page,
              HasSubstr("'sha256-" +
                        base64(DigestBuilder().add(contents_of(page, "style")[0]).finish()) + "'"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("script-src 'unsafe-inline'")));
}

TEST(Page, AsksForNothing) {
  const std::string page = page_of(Json{{"runs", Json::array()}});
  EXPECT_THAT(page, HasSubstr("connect-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("sourceMappingURL")));
  EXPECT_FALSE(std::regex_search(page, std::regex("<(link|img|iframe|object|embed)\\b")));
  EXPECT_THAT(page, Not(HasSubstr("data-events=")));
}

TEST(Page, ListensToItsServerWhereItIsServed) {
  const std::string page = page_of(Json{{"runs", Json::array()}}, "events?a=\"&b");
  EXPECT_THAT(page, HasSubstr("<html lang=\"en\" data-events=\"events?a=&quot;&amp;b\">"));
  EXPECT_THAT(page, HasSubstr("connect-src 'self'"));
}

TEST(Page, HoldsTheLicenceOfWhatDrawsItsCharts) {
  const std::string page = page_of(Json{{"runs", Json::array()}});
  EXPECT_THAT(page, HasSubstr("The above copyright notice and this permission notice shall be"));
  EXPECT_THAT(page, HasSubstr("Dan Vanderkam"));
}

}  // namespace
}  // namespace detox
