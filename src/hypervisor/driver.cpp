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

std::string path_of(const std::string& name, const std::string& directory) {
  return name.find('/') != std::string::npos ? name : directory + "/" + name + ".so";
}

void* open_module(const std::string& name, const std::string& directory) {
  // NODELETE: a Failure or a thread of the driver may outlive the last use of its object.
  void* module = dlopen(path_of(name, directory).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr)
    throw internal_error("cannot load the hypervisor driver " + name + ": " + loader_error());
  return module;
}

}  // namespace

std::unique_ptr<Hypervisor> load_driver(const std::string& name, const std::string& directory,
                                        const DriverSettings& settings) {
  void* symbol = dlsym(open_module(name, directory), driver_symbol);
  if (symbol == nullptr)
    throw internal_error(path_of(name, directory) +
                         " is not a hypervisor driver: " + loader_error());
  return std::unique_ptr<Hypervisor>(reinterpret_cast<DriverFactory*>(symbol)(settings));
}

std::unique_ptr<XenControls> load_xen_controls(const std::string& name,
                                               const std::string& directory, Hypervisor& driver) {
  void* symbol = dlsym(open_module(name, directory), xen_controls_symbol);
  if (symbol == nullptr) return nullptr;
  return std::unique_ptr<XenControls>(reinterpret_cast<XenControlsFactory*>(symbol)(driver));
}

}  // namespace xcp::hypervisor
