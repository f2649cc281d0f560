// SPDX-License-Identifier: GPL-2.0-or-later
// dlopen of a driver module; see driver.hpp.
#include "hypervisor/driver.hpp"

#include <dlfcn.h>

#include "base/failure.hpp"

namespace xcp::hypervisor {

namespace {

std::string loader_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "unknown error of the loader";
}

}  // namespace

std::unique_ptr<Hypervisor> load_driver(const std::string& name, const std::string& directory,
                                        const DriverSettings& settings) {
  const bool is_path = name.find('/') != std::string::npos;
  const std::string path = is_path ? name : directory + "/" + name + ".so";
  // NODELETE: a Failure or a thread of the driver may outlive the last use of its object.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr)
    throw internal_error("cannot load the hypervisor driver " + name + ": " + loader_error());
  void* symbol = dlsym(module, driver_symbol);
  if (symbol == nullptr)
    throw internal_error(path + " is not a hypervisor driver: " + loader_error());
  return std::unique_ptr<Hypervisor>(reinterpret_cast<DriverFactory*>(symbol)(settings));
}

}  // namespace xcp::hypervisor
