// Keys as openssl writes them. That of RFC 8032 is published; none of these protects anything.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace detox {

inline std::string pem(std::string_view kind, std::string_view base64) {
  return "-----BEGIN " + std::string(kind) + "-----\n" + std::string(base64) + "\n-----END " +
         std::string(kind) + "-----\n";
}

/// RFC 8032, section 7.1, test 1.
inline const std::string kPublishedKey =
    pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
inline const std::string kPublishedPublicKey =
    pem("PUBLIC KEY", "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
/// As `openssl pkey -pubin -outform DER | sha256sum` has it.
inline constexpr std::string_view kPublishedFingerprint =
    "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9";

inline const std::string kOtherKey =
    pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIDkz343gAB+ZuKeNku7j8twKBL+HeO3TkKsrEaUIPBre");
inline const std::string kOtherPublicKey =
    pem("PUBLIC KEY", "MCowBQYDK2VwAyEA0PylYamLeBkmnta3dg877lSWuNuSNk+IdHo+YK3sxOU=");

/// The published one, under a passphrase.
inline const std::string kEncryptedKey =
    pem("ENCRYPTED PRIVATE KEY",
        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAitBuvowfAVpgICCAAw\n"
        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEO8y1u2z/8xVn6KWwl6ItooEQER4\n"
        "zsCeMifs2zDMFvRUe0YXSKXQC7W8U4bGPaJARwIrYLr7Z62xvwOskO/l0QcEEmvX\n"
        "UI5KJ/dZS6W0l68yU5U=");

inline const std::string kRsaKey =
    pem("PRIVATE KEY",
        "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAz2v94hQfIB4DUI77\n"
        "6fZPrZDiHQ8LpBgYLaUBCeUWCaDHuigBfZBpBkL42YCTrMJ2egweOzYLSx8wU8lH\n"
        "BF1O/wIDAQABAkBg/Kn18Fqtddsu6+y29UlEax6PX92dmPaVQTY/HjMzxHZJuIWR\n"
        "pzET/joTbGDNnmPzadxs7xG0DJXVdZPgSuNhAiEA87GZwTCV8YrNJPQLvln09el2\n"
        "xyKjYYDpmI+hR2vFGfsCIQDZ5XqTOJaYzgl5ywD6ZgYP+KArGOC8Akuy0O0TKYez\n"
        "zQIgXdWOAbCGnAo5Mbhy6SnUQ/hQjx8MUBgGWoM7s7eQno8CIQDCSzOfbwgqPR6J\n"
        "8ZBvtuWU/Del9kr+mnVxf4bGXXPZyQIhAOA5e+Np/24e2KZ5aqNJc2Q6BkvVgzCy\n"
        "w/d21h4DAZSd");
inline const std::string kRsaPublicKey =
    pem("PUBLIC KEY",
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAM9r/eIUHyAeA1CO++n2T62Q4h0PC6QY\n"
        "GC2lAQnlFgmgx7ooAX2QaQZC+NmAk6zCdnoMHjs2C0sfMFPJRwRdTv8CAwEAAQ==");

/// That only its owner can read.
inline std::filesystem::path put_key(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return file;
}

}  // namespace detox
