/*
 * What the agent takes in one job: klab checks a workload against it before
 * anything is booted.
 */
#ifndef KLAB_GUEST_LIMITS_H
#define KLAB_GUEST_LIMITS_H

#define JOB_FILE_MAX 65536
#define JOB_ARGS 64
#define JOB_ENVS 16
#define JOB_MODULES 16
#define JOB_STEPS 16
#define JOB_COLLECTS 8
#define JOB_MOUNTS 8
#define JOB_WRITES 16 /* before a step, after it */
#define JOB_READS 16
#define JOB_PATH_MAX 255
#define JOB_CAP_MAX (16 << 20)

#endif
