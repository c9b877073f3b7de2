# libtorch and MPI, as targets whose headers count as the system's. Only src/learn links detox_torch, only src/comm/mpi
# links MPI.
find_package(Torch REQUIRED)
enable_language(C)  # FindMPI asks the C compiler
find_package(MPI REQUIRED COMPONENTS C)

add_library(detox_torch INTERFACE)
target_include_directories(detox_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(detox_torch INTERFACE ${TORCH_LIBRARIES})
