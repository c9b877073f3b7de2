# What `cmake --install` puts beside the library (src/library) and the program (src/cli).
# `detoxml cluster prepare` carries it to machines that have no clone.
install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/install-deps DESTINATION ${CMAKE_INSTALL_DATADIR}/detoxml)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The place of Debian's own packages; others take the wheel.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/detoxml DESTINATION lib/python3/dist-packages
  COMPONENT python EXCLUDE_FROM_ALL PATTERN __pycache__ EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples PATTERN __pycache__ EXCLUDE)
# What `detoxml experiment` finds by name; a system may leave out all documents.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/ DESTINATION ${CMAKE_INSTALL_DATADIR}/detoxml/examples FILES_MATCHING PATTERN *.toml
  PATTERN library EXCLUDE PATTERN python EXCLUDE PATTERN slurm EXCLUDE PATTERN cluster EXCLUDE)
