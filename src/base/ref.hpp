// SPDX-License-Identifier: GPL-2.0-or-later
// Names of objects. A Ref<C> is the opaque reference of an object of class C as it stands on the
// wire ("OpaqueRef:<uuid>"); any other text is carried through unchanged, and the null reference is
// "OpaqueRef:NULL". A Uuid is the 36 character text of a version 4 UUID that survives export.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

namespace xcp {

inline constexpr std::string_view null_ref_text = "OpaqueRef:NULL";

template <class C>
class Ref {
 public:
  Ref() : text_(null_ref_text) {}
  explicit Ref(std::string text)
      : text_(text.empty() ? std::string(null_ref_text) : std::move(text)) {}

  const std::string& str() const { return text_; }
  bool is_null() const { return text_ == null_ref_text; }
  explicit operator bool() const { return !is_null(); }
  auto operator<=>(const Ref&) const = default;

 private:
  std::string text_;
};

// A fresh version 4 UUID from the kernel's random source.
std::string make_uuid();

// "OpaqueRef:" and a fresh UUID.
std::string make_ref_text();

// True for 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text);

}  // namespace xcp

template <class C>
struct std::hash<xcp::Ref<C>> {
  std::size_t operator()(const xcp::Ref<C>& ref) const noexcept {
    return std::hash<std::string>()(ref.str());
  }
};
