#include "tree/origin.h"

#include "base/err.h"

int origin_tarball(const char *lab, const struct tree_request *rq,
		   struct origin *o, struct err *e)
{
	(void)lab;
	(void)o;
	return err_lab(e, "tarball '%s': not implemented yet", rq->where);
}
