#include "cluster/aws_cli.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cluster/aws_in_place.hpp"

namespace detox {
namespace {

/// What it throws; fails where it does not.
std::string refusal(const AwsCli& aws) {
  try {
    aws.ec2({"describe-instances"});
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST_F(InPlaceOfAws, GetsRegionAndFormatAndItsAnswerIsRead) {
  aws_is("echo '{\"Reservations\": []}'\n");
  EXPECT_TRUE(aws().ec2({"describe-instances"}).contains("Reservations"));
  EXPECT_EQ(file("calls"), "describe-instances --region us-west-2 --output json --no-cli-pager\n");
}

TEST_F(InPlaceOfAws, MayAnswerNothing) {
  aws_is("");
  EXPECT_TRUE(aws().ec2({"create-tags"}).empty());
}

TEST_F(InPlaceOfAws, IsRefusedAnswersThatAreNoObject) {
  aws_is("echo '[1, 2'\n");
  EXPECT_NE(refusal(aws()).find("not JSON"), std::string::npos);
}

TEST_F(InPlaceOfAws, TellsTheCodeOfARefusal) {
  aws_is(
      "printf '\\nAn error occurred (InvalidAMIID.NotFound) when calling the RunInstances "
      "operation: "
      "no such image\\n' >&2; exit 254\n");
  try {
    aws().ec2({"run-instances"});
    FAIL();
  } catch (const AwsError& error) {
    EXPECT_EQ(error.code(), "InvalidAMIID.NotFound");
    EXPECT_STREQ(error.what(), "aws ec2 run-instances: InvalidAMIID.NotFound: no such image");
  }
  EXPECT_EQ(count_calls("run-instances"), 1);
}

TEST_F(InPlaceOfAws, IsAskedAgainAsOftenAsAllowedWhereItIsTooFast) {
  aws_is(
      "echo 'An error occurred (RequestLimitExceeded) when calling the X operation: slow' >&2; "
      "exit 254\n");
  EXPECT_NE(refusal(aws()).find("RequestLimitExceeded"), std::string::npos);
  EXPECT_EQ(count_calls("describe-instances"), 3);
}

TEST_F(InPlaceOfAws, IsAskedAgainWhereNobodyAnswered) {
  aws_is(
      "[ $(wc -l <calls) -ge 2 ] && echo '{\"a\": 1}' && exit\n"
      "echo 'Could not connect to the endpoint URL: \"https://x/\"' >&2; exit 255\n");
  EXPECT_EQ(aws().ec2({"describe-instances"}).size(), 1U);
}

TEST_F(InPlaceOfAws, IsNotAskedAgainWithWrongCredentials) {
  aws_is("echo 'An error occurred (AuthFailure) when calling the X operation: no' >&2; exit 254\n");
  const std::string said = refusal(aws());
  EXPECT_NE(said.find("valid credentials and the right time (AuthFailure: no)"), std::string::npos);
  EXPECT_NE(said.find("the clock of this machine shows 20"), std::string::npos) << said;
  EXPECT_EQ(count_calls("describe-instances"), 1);
}

TEST_F(InPlaceOfAws, TellsBothTimesWhereTheClockIsWrong) {
  for (const std::string code : {"SignatureDoesNotMatch", "AuthFailure", "RequestExpired"}) {
    const std::string sentence =
        "Signature expired: 20261130T043000Z is now earlier than 20261130T044500Z";
    aws_is(fmt::format(
        "echo 'An error occurred ({}) when calling the X operation: {}' >&2; exit 254\n", code,
        sentence));
    const std::string said = refusal(aws());
    EXPECT_NE(said.find(fmt::format("({}: {})", code, sentence)), std::string::npos) << said;
    EXPECT_NE(said.find("the clock of this machine, which shows 20"), std::string::npos) << said;
    EXPECT_EQ(said.find("credentials"), std::string::npos) << said;
  }
}

TEST_F(InPlaceOfAws, KeepsItsSentenceWhereCredentialsHaveExpired) {
  aws_is(
      "echo 'An error occurred (ExpiredToken) when calling the X operation: The security token "
      "included in the request is expired' >&2; exit 254\n");
  const std::string said = refusal(aws());
  EXPECT_NE(said.find("(ExpiredToken: The security token included in the request is expired)"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find("clock"), std::string::npos) << said;
}

TEST_F(InPlaceOfAws, SaysWhichOptionItDoesNotKnow) {
  aws_is(
      "printf '\\nusage: aws [options]\\n  aws help\\n\\nUnknown options: -x\\n\\n' >&2; exit "
      "252\n");
  EXPECT_EQ(refusal(aws()), "aws ec2 describe-instances: Unknown options: -x");
}

TEST(AwsCli, IsNotNeededForADryRun) {
  AwsSettings settings;
  settings.region = "us-west-2";
  settings.dry_run = true;
  testing::internal::CaptureStdout();
  EXPECT_TRUE(AwsCli(settings).ec2({"run-instances", "--key-name", "my key"}).empty());
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "aws ec2 run-instances --key-name 'my key' --region us-west-2 --output json "
            "--no-cli-pager\n");
}

TEST(AwsAnswers, MayLackAnything) {
  const auto answer = nlohmann::json::parse(R"({"a": "x", "b": 3, "c": [1]})");
  EXPECT_EQ(text_in(answer, "a"), "x");
  EXPECT_EQ(text_in(answer, "b"), "");
  EXPECT_EQ(text_in(answer, "z"), "");
  EXPECT_EQ(text_in(nlohmann::json(5), "a"), "");
  EXPECT_EQ(list_in(answer, "c").size(), 1U);
  EXPECT_TRUE(list_in(answer, "a").empty());
  EXPECT_TRUE(list_in(nlohmann::json(), "c").empty());
}

}  // namespace
}  // namespace detox
