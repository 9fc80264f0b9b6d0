using FsCheck.Xunit;
using Paging.Residency;

namespace Paging.Tests.Residency;

/// <summary>Pages that are left to a reader, against a list.</summary>
public class LeftPagesTests
{
    private const int Room = 8;

    [Property(MaxTest = 500)]
    public void It_holds_the_last_pages_in_their_order(byte[] steps)
    {
        var left = new LeftPages(new StreamPage[Room]);
        List<StreamPage> model = [];
        long removed = 0;
        foreach (byte step in steps)
        {
            switch (step % 4)
            {
                case 0 or 1:
                    if (model.Count == Room)
                    {
                        model.RemoveRange(0, Room / 2);
                        removed += Room / 2;
                    }

                    model.Add(new StreamPage(step, 0, 0, model.Count + removed));
                    left.Add(model[^1]);
                    break;
                case 2:
                    int last = Math.Min(step / 32, model.Count);
                    Assert.Equal(model[^last..], left.TakeLast(step / 32).ToArray());
                    model.RemoveRange(model.Count - last, last);
                    break;
                default:
                    // From nothing to more than there have been.
                    long total = removed + (step / 16) - 2;
                    int first = (int)Math.Clamp(total - removed, 0, model.Count);
                    Assert.Equal(model[..first], left.First(total).ToArray());
                    left.RemoveFirst(total);
                    model.RemoveRange(0, first);
                    removed += first;
                    break;
            }

            Assert.Equal(removed + model.Count, left.Total);
        }

        Assert.Equal(model, left.TakeLast(Room).ToArray());
    }

    [Fact]
    public void Without_room_it_holds_nothing()
    {
        LeftPages left = default;
        left.Add(new StreamPage(1, 0, 0, 1));
        Assert.Equal(0, left.Total);
        Assert.Empty(left.First(1).ToArray());
        Assert.Empty(left.TakeLast(1).ToArray());
    }
}
