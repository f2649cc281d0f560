// SPDX-License-Identifier: GPL-2.0-or-later
// Words between XenControls and libxl: bitmaps, lists that libxl allocates, texts that may be
// anything. Nothing here asks Xen.
#pragma once

#include <string>

#include "hypervisor/libxl/xen.hpp"
#include "hypervisor/xen_controls.hpp"

namespace xcp::hypervisor::libxl {

// A bitmap with room for exactly the numbers (and for 8 at least), or for what libxl puts in.
class Bitmap {
 public:
  Bitmap() { libxl_bitmap_init(&value_); }
  explicit Bitmap(const Numbers& set);
  ~Bitmap() { libxl_bitmap_dispose(&value_); }
  Bitmap(const Bitmap&) = delete;
  Bitmap& operator=(const Bitmap&) = delete;

  libxl_bitmap* get() { return &value_; }
  const libxl_bitmap* get() const { return &value_; }

 private:
  libxl_bitmap value_;
};
Numbers numbers_of(const libxl_bitmap& bitmap);

// An array that libxl allocated, and the function that frees it.
template <class T, class Count, void free_list(T*, Count)>
class List {
 public:
  List(T* items, int count) : items_(items), count_(items == nullptr ? 0 : count) {}
  ~List() {
    if (items_ != nullptr) free_list(items_, static_cast<Count>(count_));
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  T* begin() const { return items_; }
  T* end() const { return items_ + count_; }
  bool failed() const { return items_ == nullptr; }

 private:
  T* items_;
  int count_;
};

// "" for a null pointer. Bytes that are not UTF-8 become question marks: names of others' domains
// and the hypervisor's messages may hold any.
std::string text_of(const char* text);
std::string as_utf8(std::string text);

}  // namespace xcp::hypervisor::libxl
