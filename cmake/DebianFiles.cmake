# What Debian's policy wants of the files of the packages and `cmake --install` does not do. CPack runs this when the files lie in
# their staging folders, one for each package.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
# Of every package: whoever builds it sets CPACK_PACKAGE_CONTACT.
set(overrides_of_all bogus-mail-host bogus-mail-host-in-debian-changelog)
# The package may hold several libraries. CPack writes the call of ldconfig; it does no harm beside the trigger.
set(overrides_of_library package-name-doesnt-match-sonames maintscript-calls-ldconfig no-symbols-control-file)

# The program holds dygraphs, for its pages: what that asks to go along, as a copyright file has text.
file(READ ${CMAKE_CURRENT_LIST_DIR}/../src/report/page/dygraphs_licence.txt licence)
string(REGEX REPLACE "\n$" "" licence "${licence}")
string(REPLACE "\n\n" "\n.\n" licence "${licence}")
string(REPLACE "\n" "\n " licence "${licence}")
set(others_of_program "
Files: usr/bin/detoxml
Copyright: 2026, the DETOX authors
  2006-2017, Dan Vanderkam and the other authors of dygraphs
License: Apache-2.0 and Expat

License: Expat
 ${licence}
")

foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(share ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)
  set(doc ${share}/doc/${package})

  # Policy 12.5: a text that refers to the licence as Debian has it, in place of another copy.
  file(REMOVE ${doc}/LICENSE)
  file(WRITE ${doc}/copyright
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: DETOX
Source: ${CPACK_PACKAGE_HOMEPAGE_URL}

Files: *
Copyright: 2026, the DETOX authors
License: Apache-2.0
 On Debian systems, the full text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
${others_of_${component}}")
  file(WRITE ${doc}/changelog
"detoxml (${CPACK_PACKAGE_VERSION}) bookworm; urgency=medium

  * Built from its source, whose CHANGELOG.md has the changes.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  file(GLOB pages ${share}/man/man1/*.1)
  execute_process(COMMAND gzip -9n ${doc}/changelog ${pages} COMMAND_ERROR_IS_FATAL ANY)

  set(overrides ${overrides_of_all} ${overrides_of_${component}})
  list(TRANSFORM overrides PREPEND "${package}: ")
  list(JOIN overrides "\n" overrides)
  file(MAKE_DIRECTORY ${share}/lintian/overrides)
  file(WRITE ${share}/lintian/overrides/${package} "${overrides}\n")
endforeach()
