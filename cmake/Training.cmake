# libtorch and MPI, as targets whose headers count as the system's. Only src/learn links detox_torch, only src/comm/mpi
# links MPI.
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)  # Debian 13's warns of a profiler that it was built without
find_package(Torch REQUIRED)
unset(CMAKE_MESSAGE_LOG_LEVEL)
enable_language(C)  # FindMPI asks the C compiler
find_package(MPI REQUIRED COMPONENTS C)

add_library(detox_torch INTERFACE)
target_include_directories(detox_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(detox_torch INTERFACE ${TORCH_LIBRARIES})
