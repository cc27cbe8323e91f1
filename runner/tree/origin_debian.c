#include "tree/origin.h"

#include "base/err.h"

int origin_debian(const char *lab, const struct tree_request *rq,
		  struct origin *o, struct err *e)
{
	(void)lab;
	(void)o;
	return err_lab(e, "debian-source '%s': not implemented yet", rq->where);
}
