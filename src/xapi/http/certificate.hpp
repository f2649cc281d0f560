// SPDX-License-Identifier: GPL-2.0-or-later
// The server's own certificate: made once, kept in one PEM file with its key.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xcp::http {

// When `pem_path` does not exist, writes a new RSA key and a certificate signed by itself for
// `names` (host names and IP addresses, at least one; the first is the subject's common name),
// readable by the owner only. An existing file is left alone, whatever it holds. True when it made
// one. Throws Failure.
bool ensure_certificate(const std::string& pem_path, const std::vector<std::string>& names);

struct Certificate {
  std::string pem;               // the certificate alone
  std::string subject;           // as "CN = name"
  std::string sha1_fingerprint;  // "AA:BB:..."
  std::string sha256_fingerprint;
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
};

// The first certificate of a PEM file. Throws Failure that names the file.
Certificate read_certificate(const std::string& pem_path);

}  // namespace xcp::http
