/** @file
 * libgan: create, train, resume and run generative adversarial networks from C and C++.
 *
 * A program that samples from a model file:
 * @code
 * gan_context *context = NULL;
 * gan_model *model = NULL;
 * gan_tensor *images = NULL;
 * gan_status status = gan_context_create(&context, NULL);
 * if (status == GAN_OK) status = gan_model_load(&model, context, "model.safetensors");
 * if (status == GAN_OK) status = gan_model_sample(&images, model, 64, 1);
 * if (status == GAN_OK) status = gan_model_sheet_write(model, images, "sheet.png", NULL);
 * if (status != GAN_OK) fprintf(stderr, "%s\n", gan_context_explain(context, status));
 * gan_tensor_release(images);
 * gan_model_release(model);
 * gan_context_release(context);
 * @endcode
 *
 * Headers, from the widest to the deepest: run.h (a training run), session.h (computing in fixed memory, on many
 * threads), metrics.h (how good samples are), model.h (files, sampling), data.h (datasets), image.h (pictures),
 * optimizer.h, loss.h, init.h (initial values), parts.h (what networks are made of), builder.h (making one), layer.h
 * (having one), ops.h (operations), tape.h (gradients), tensor.h, context.h, base.h (conventions that hold everywhere:
 * read it first). */
#ifndef GAN_H
#define GAN_H

#include <gan/base.h>
#include <gan/builder.h>
#include <gan/context.h>
#include <gan/data.h>
#include <gan/image.h>
#include <gan/init.h>
#include <gan/layer.h>
#include <gan/loss.h>
#include <gan/metrics.h>
#include <gan/model.h>
#include <gan/ops.h>
#include <gan/optimizer.h>
#include <gan/parts.h>
#include <gan/run.h>
#include <gan/session.h>
#include <gan/tape.h>
#include <gan/tensor.h>
#include <gan/version.h>

#endif
