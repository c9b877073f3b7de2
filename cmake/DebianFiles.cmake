# What Debian's policy wants of the files of a package and `cmake --install` does not do. CPack runs this when the files lie in
# their staging folder.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(share ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
set(doc ${share}/doc/detoxml)

# Policy 12.5: a text that refers to the licence as Debian has it, in place of another copy.
file(REMOVE ${doc}/LICENSE)
file(WRITE ${doc}/copyright
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: DETOX
Source: ${CPACK_PACKAGE_HOMEPAGE_URL}

Files: *
Copyright: the DETOX authors
License: Apache-2.0
 On Debian systems, the full text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
")

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${doc}/changelog
"detoxml (${CPACK_PACKAGE_VERSION}) bookworm; urgency=medium

  * Built from its source; CHANGELOG.md beside this file has the changes.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(GLOB pages ${share}/man/man1/*.1)
execute_process(COMMAND gzip -9n ${doc}/changelog ${pages} COMMAND_ERROR_IS_FATAL ANY)

file(MAKE_DIRECTORY ${share}/lintian/overrides)
file(WRITE ${share}/lintian/overrides/detoxml
"# One package: the program, and its rules as a library that nothing in Debian links.
detoxml: package-name-doesnt-match-sonames
detoxml: lacks-unversioned-link-to-shared-library
detoxml: link-to-shared-library-in-wrong-package
# It is built from a clone and is in no archive.
detoxml: initial-upload-closes-no-bugs
")
