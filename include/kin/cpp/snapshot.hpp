/* cpp/snapshot.hpp: owns a kin_snapshot while a dict or a list is copied. */
#ifndef KIN_CPP_SNAPSHOT_HPP
#define KIN_CPP_SNAPSHOT_HPP

#include <memory>

#include "../snapshot.h"

namespace kin
{

namespace detail
{

struct destroy_snapshot {
    void operator()(kin_snapshot *snapshot) const noexcept
    {
        kin_snapshot_destroy(snapshot);
    }
};
using snapshot = std::unique_ptr<kin_snapshot, destroy_snapshot>;

} // namespace detail

} // namespace kin

#endif
