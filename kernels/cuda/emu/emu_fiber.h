/* emu_fiber.h: what the emulated runtime asks of the fibers. */
#pragma once
#include <cuda_runtime_api.h>
#include <functional>
namespace emu {
void run_grid(const std::function<void()> &kernel, dim3 grid, dim3 block, size_t shared, int seed);
}
