/* From an image to a method that every process of a tenant can call. */
#pragma once
#include "server/broker/image.h"
#include "server/broker/tenants.h"

typedef struct Publication {
    const UnitSpec *unit;
    Str source; /* the unit as bytes */
    const Key *content;
    const MsgImage *image;
    uint64_t compile_us;
} Publication;

/* Checks everything, then copies the code into a segment, fills in imports, class ids and the method table. 0; 1:
 * refused, *ret_code (of the protocol) and *ret_message say why, nothing has happened. *ret_new_segment is the segment
 * that was opened for it, else NULL: the tenant's peers must hear of it before they hear of the unit. */
int publish_unit(const Tenants *tenants, Tenant *tenant, const Publication *publication, Unit **ret_unit,
                 const Segment **ret_new_segment, const char **ret_code, const char **ret_message);
